/** So many at once, and so many a second in the long run. */
export class Budget {
  readonly #most: number;
  readonly #perSecond: number;
  readonly #elapsed: () => number;
  #left: number;
  #at: number;

  /** `elapsed` tells milliseconds from any start. */
  constructor(most: number, perSecond: number, elapsed: () => number) {
    this.#most = most;
    this.#perSecond = perSecond;
    this.#elapsed = elapsed;
    this.#left = most;
    this.#at = elapsed();
  }

  /** Whether there was one left. */
  take(): boolean {
    const now = this.#elapsed();
    const more = ((now - this.#at) / 1000) * this.#perSecond;
    this.#left = Math.min(this.#most, this.#left + more);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
