interface Sample {
  readonly time: number;
  readonly total: number;
  readonly rate: number | undefined;
}

/** Below that two readings tell too little about how fast something grows. */
const leastSpanMs = 2_000;

/** How fast totals grow, from one reading to the next. */
export class Rates {
  #samples = new Map<string, Sample>();

  /** Nanoseconds of work a second; absent before the second reading. */
  rate(key: string, time: number, total: number): number | undefined {
    const before = this.#samples.get(key);
    if (before && time - before.time < leastSpanMs) return before.rate;
    const rate =
      before && total >= before.total
        ? Math.round(((total - before.total) / (time - before.time)) * 1000)
        : undefined;
    this.#samples.set(key, { time, total, rate });
    return rate;
  }

  /** Forgets what is no longer there. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#samples.keys()) if (!keys.has(key)) this.#samples.delete(key);
  }
}
