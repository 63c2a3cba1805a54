import type { Clock } from '#shared/base/clock.ts';

interface Entry {
  readonly delayMs: number;
  /** When the delay was last made longer. */
  readonly at: number;
}

export interface BackoffOptions {
  readonly clock: Clock;
  readonly initialMs: number;
  readonly maxMs: number;
}

/** Delays that double with each failure and are forgotten when twice the longest has passed; client-go's Backoff. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** How long it still takes, counted from `since`; 0 when the next try may be made. */
  remaining(key: string, since: number): number {
    const entry = this.#entries.get(key);
    if (!entry || this.#isExpired(entry, since)) return 0;
    return Math.max(0, entry.delayMs - (this.#options.clock.now() - since));
  }

  delayOf(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  /** The next try is being made: the delay after it will be longer. */
  next(key: string, since: number): void {
    const { initialMs, maxMs, clock } = this.#options;
    const entry = this.#entries.get(key);
    const isNew = !entry || this.#isExpired(entry, since);
    const delayMs = isNew ? initialMs : Math.min(entry.delayMs * 2, maxMs);
    this.#entries.set(key, { delayMs, at: clock.now() });
  }

  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  #isExpired({ at }: Entry, since: number): boolean {
    return since - at > this.#options.maxMs * 2;
  }
}
