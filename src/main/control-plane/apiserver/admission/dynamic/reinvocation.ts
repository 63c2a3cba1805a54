/** What plugins that change objects know of one another within one request. */
export class Reinvocation {
  /** True in the second round, which begins when somebody changed the object after others had seen it. */
  isSecondRound = false;
  /** Somebody changed the object: the plugins before it may want to see it again. */
  isWanted = false;
  /** Those that asked to see what later ones make of the object. */
  readonly #eligible = new Set<string>();
  readonly #due = new Set<string>();

  /** The object was changed: all that have seen it and want to see changes are due. */
  changed(): void {
    this.isWanted = true;
    for (const id of this.#eligible) this.#due.add(id);
    this.#eligible.clear();
  }

  seen(id: string): void {
    this.#eligible.add(id);
  }

  isDue(id: string): boolean {
    return this.#due.has(id);
  }
}
