import type { Clock } from '#shared/base/clock.ts';

/** The work for a key is done for now, and is due once more later. */
export interface Again {
  readonly afterMs: number;
}

export interface KeyedLoopOptions<K> {
  readonly clock: Clock;
  readonly concurrency: number;
  /** Does the work for one key. A throw retries with backoff; an `Again` runs it once more later. */
  run(key: K, signal: AbortSignal): Promise<Again | void>;
  /** How long to wait before the retry that follows this many failures in a row (1, 2, …). */
  backoffMs(failures: number): number;
  onError(key: K, error: unknown): void;
}

/**
 * Works through keys so that each key has at most one task running and at most one more waiting.
 *
 * Adding a key that is already waiting does nothing; adding one that is running makes it run once
 * more afterwards. Of several delayed additions of one key only the earliest counts. Controllers,
 * pod workers and status writers all stand on this. Disposing waits for the running tasks.
 */
export class KeyedLoop<K> implements AsyncDisposable {
  readonly #options: KeyedLoopOptions<K>;
  readonly #waiting = new Set<K>();
  readonly #running = new Set<K>();
  readonly #delayed = new Map<K, { readonly at: number; readonly timer: Disposable }>();
  readonly #failures = new Map<K, number>();
  readonly #stop = new AbortController();
  readonly #drained = Promise.withResolvers<void>();

  constructor(options: KeyedLoopOptions<K>) {
    this.#options = options;
  }

  /** How many keys wait for their turn now. */
  get depth(): number {
    return this.#waiting.size;
  }

  add(key: K): void {
    if (this.#stop.signal.aborted) return;
    this.#waiting.add(key);
    this.#fill();
  }

  addAfter(key: K, ms: number): void {
    if (this.#stop.signal.aborted) return;
    if (ms <= 0) return this.add(key);
    const { clock } = this.#options;
    const at = clock.elapsed() + ms;
    const earlier = this.#delayed.get(key);
    if (earlier && earlier.at <= at) return;
    earlier?.timer[Symbol.dispose]();
    const timer = clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, timer });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The loop has been stopped'));
    this.#waiting.clear();
    for (const { timer } of this.#delayed.values()) timer[Symbol.dispose]();
    this.#delayed.clear();
    if (this.#running.size === 0) this.#drained.resolve();
    await this.#drained.promise;
  }

  #fill(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= this.#options.concurrency) return;
      if (this.#running.has(key)) continue;
      this.#waiting.delete(key);
      this.#running.add(key);
      void this.#work(key);
    }
  }

  async #work(key: K): Promise<void> {
    const { run, backoffMs, onError } = this.#options;
    try {
      const again = await run(key, this.#stop.signal);
      this.#failures.delete(key);
      if (again) this.addAfter(key, again.afterMs);
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        const failures = (this.#failures.get(key) ?? 0) + 1;
        this.#failures.set(key, failures);
        onError(key, error);
        this.addAfter(key, backoffMs(failures));
      }
    } finally {
      this.#running.delete(key);
      this.#fill();
      if (this.#stop.signal.aborted && this.#running.size === 0) this.#drained.resolve();
    }
  }
}

/** Doubles from `firstMs` up to `maxMs`, as client-go's item exponential failure limiter does. */
export function exponential(firstMs: number, maxMs: number): (failures: number) => number {
  return (failures) => Math.min(firstMs * 2 ** (failures - 1), maxMs);
}
