import type { Pauses, Sleep } from './clock.ts';

/** More sleeps than anybody's deadline outlives. */
const mostPeriods = 4096;

/** Remembers when time stood still, as periods in order that do not overlap. */
export class PauseLedger implements Pauses {
  readonly #now: () => number;
  readonly #periods: Sleep[] = [];
  readonly #holds = new Set<object>();
  readonly #listeners = new Set<(sleep: Sleep) => void>();
  readonly #changes = new Set<(periods: readonly Sleep[]) => void>();
  #heldSince = 0;
  #last: Sleep | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  get last(): Sleep | undefined {
    return this.#last;
  }

  get isHeld(): boolean {
    return this.#holds.size > 0;
  }

  since(at: number): number {
    let total = 0;
    for (let index = this.#periods.length - 1; index >= 0; index--) {
      const { from, until } = this.#periods[index]!;
      if (until <= at) break;
      total += until - Math.max(from, at);
    }
    const heldFrom = Math.max(this.#heldSince, at);
    return total + (this.isHeld ? Math.max(0, this.#now() - heldFrom) : 0);
  }

  hold(): Disposable {
    const hold = {};
    if (!this.isHeld) this.#heldSince = this.#now();
    this.#holds.add(hold);
    return {
      [Symbol.dispose]: () => {
        if (!this.#holds.delete(hold) || this.isHeld) return;
        this.#add({ from: this.#heldSince, until: this.#now() });
      },
    };
  }

  onWake(listener: (sleep: Sleep) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Calls `listener` with all periods whenever one has come to its end. */
  onChange(listener: (periods: readonly Sleep[]) => void): Disposable {
    this.#changes.add(listener);
    return { [Symbol.dispose]: () => void this.#changes.delete(listener) };
  }

  /** Takes over periods of an earlier process, in order, before there are any of this one. */
  remember(periods: readonly Sleep[]): void {
    this.#periods.unshift(...periods);
  }

  /** The host slept, and is awake again. */
  slept(sleep: Sleep): void {
    this.#last = sleep;
    // What is held does not count anyway.
    if (!this.isHeld) this.#add(sleep);
    for (const listener of this.#listeners) listener(sleep);
  }

  #add(period: Sleep): void {
    if (period.until <= period.from) return;
    const last = this.#periods.at(-1);
    if (last && last.until >= period.from) {
      this.#periods[this.#periods.length - 1] = {
        from: Math.min(last.from, period.from),
        until: Math.max(last.until, period.until),
      };
    } else this.#periods.push(period);
    if (this.#periods.length > mostPeriods) this.#periods.shift();
    for (const listener of this.#changes) listener(this.#periods);
  }
}
