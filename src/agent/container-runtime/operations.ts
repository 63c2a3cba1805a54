/** Upper bounds in seconds, upstream's: from five milliseconds, each two and a half times the last. */
export const operationBuckets: readonly number[] = Array.from(
  { length: 14 },
  (_, at) => 0.005 * 2.5 ** at,
);

export interface OperationCount {
  /** By upstream's name, such as `run_podsandbox`. */
  readonly operation: string;
  readonly count: number;
  readonly errors: number;
  readonly seconds: number;
  /** How many took at most as long as the bucket of the same place says. */
  readonly within: readonly number[];
}

interface Tally {
  count: number;
  errors: number;
  seconds: number;
  readonly within: number[];
}

/** How often each call of the runtime was made, how often it failed, and how long it took. */
export class RuntimeOperations {
  readonly #tallies = new Map<string, Tally>();

  observe(path: string, seconds: number, hasFailed: boolean): void {
    const operation = operationOf(path);
    let tally = this.#tallies.get(operation);
    if (!tally) {
      tally = { count: 0, errors: 0, seconds: 0, within: operationBuckets.map(() => 0) };
      this.#tallies.set(operation, tally);
    }
    tally.count++;
    if (hasFailed) tally.errors++;
    tally.seconds += seconds;
    for (const [at, bound] of operationBuckets.entries())
      if (seconds <= bound) tally.within[at] = (tally.within[at] ?? 0) + 1;
  }

  all(): readonly OperationCount[] {
    return [...this.#tallies].map(([operation, tally]) => ({ operation, ...tally }));
  }
}

/** Those that upstream calls otherwise than the method is called. */
const otherNames: Readonly<Record<string, string>> = {
  update_container_resources: 'update_container',
};

function operationOf(path: string): string {
  const method = path.slice(path.lastIndexOf('/') + 1).replace('PodSandbox', 'Podsandbox');
  const name = method.replaceAll(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  return otherNames[name] ?? name;
}
