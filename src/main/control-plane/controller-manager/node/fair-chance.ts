/** Once a node can reach us again, it has this long to say that it is well. */
const afterReturnMs = 60_000;
/** Whoever has not come back by then is taken for silent. */
const longestMs = 300_000;

/**
 * After the host slept: which nodes were well before and have not been heard of since. Until its
 * end nobody is called silent, for it was us who were not there.
 */
export class FairChance {
  readonly #startedAt: number;
  readonly #awaited: Set<string>;

  constructor(names: Iterable<string>, startedAt: number) {
    this.#awaited = new Set(names);
    this.#startedAt = startedAt;
  }

  get awaited(): ReadonlySet<string> {
    return this.#awaited;
  }

  /** The node has said something, or is gone. */
  settle(name: string): void {
    this.#awaited.delete(name);
  }

  /** `connectedSince` says when the way to a node was opened, on the same clock as `now`. */
  isOver(now: number, connectedSince: (name: string) => number | undefined): boolean {
    if (now - this.#startedAt >= longestMs) return true;
    for (const name of this.#awaited) {
      const since = connectedSince(name);
      if (since === undefined || now - Math.max(since, this.#startedAt) < afterReturnMs)
        return false;
    }
    return true;
  }
}
