const limit = 4096;

/** What changed at which version, for as long as anybody is likely to ask. */
export class ChangeLog<T> {
  #version = 0;
  /** The version before the first entry. */
  #first = 0;
  #entries: T[] = [];

  /** Grows by one with every change. */
  get version(): number {
    return this.#version;
  }

  add(entry: T): number {
    if (this.#entries.length >= limit) {
      this.#first += limit / 2;
      this.#entries = this.#entries.slice(limit / 2);
    }
    this.#entries.push(entry);
    return ++this.#version;
  }

  /** `undefined` when that is too long ago. */
  since(version: number): readonly T[] | undefined {
    if (version < this.#first) return undefined;
    return this.#entries.slice(version - this.#first);
  }
}
