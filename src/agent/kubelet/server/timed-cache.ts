import type { Clock } from '#shared/base/clock.ts';

interface Kept<T> {
  readonly value: Promise<T>;
  until: number;
}

const mostKept = 10_000;

/** Remembers answers of a question for some time each; failures are never remembered. */
export class TimedCache<T> {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept<T>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Asks unless it is known; `lifeMs` says how long an answer holds. */
  async get(key: string, ask: () => Promise<T>, lifeMs: (answer: T) => number): Promise<T> {
    const now = this.#clock.elapsed();
    const known = this.#kept.get(key);
    if (known && known.until > now) return known.value;
    if (this.#kept.size >= mostKept) this.#kept.clear();
    const kept: Kept<T> = { value: ask(), until: Infinity };
    this.#kept.set(key, kept);
    try {
      const answer = await kept.value;
      kept.until = this.#clock.elapsed() + lifeMs(answer);
      return answer;
    } catch (error) {
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
      throw error;
    }
  }
}
