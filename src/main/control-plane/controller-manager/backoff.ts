interface Entry {
  readonly ms: number;
  readonly since: number;
}

/** Growing patience per key, forgotten after twice the longest: client-go's flowcontrol.Backoff. */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor({ firstMs, maxMs }: { readonly firstMs: number; readonly maxMs: number }) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
  }

  /** How long the key has to wait still. */
  left(key: string, now: number): number {
    const entry = this.#fresh(key, now);
    return entry ? Math.max(0, entry.since + entry.ms - now) : 0;
  }

  /** The key failed once more. */
  next(key: string, now: number): void {
    const entry = this.#fresh(key, now);
    const ms = entry ? Math.min(entry.ms * 2, this.#maxMs) : this.#firstMs;
    this.#entries.set(key, { ms, since: now });
  }

  #fresh(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key);
    if (!entry || now - entry.since <= this.#maxMs * 2) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}
