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
  /** The waiting keys in order, from `#next` on: to take the first of a large Set is slow. */
  #queue: K[] = [];
  #next = 0;
  readonly #running = new Set<K>();
  /** Added while they ran. */
  readonly #again = new Set<K>();
  readonly #delayed = new Map<K, { readonly at: number; readonly timer: Disposable }>();
  readonly #failures = new Map<K, number>();
  readonly #stop = new AbortController();
  readonly #drained = Promise.withResolvers<void>();

  constructor(options: KeyedLoopOptions<K>) {
    this.#options = options;
  }

  add(key: K): void {
    if (this.#stop.signal.aborted || this.#waiting.has(key)) return;
    if (this.#running.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#waiting.add(key);
    this.#queue.push(key);
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
    this.#again.clear();
    this.#queue = [];
    for (const { timer } of this.#delayed.values()) timer[Symbol.dispose]();
    this.#delayed.clear();
    if (this.#running.size === 0) this.#drained.resolve();
    await this.#drained.promise;
  }

  #fill(): void {
    while (this.#waiting.size > 0 && this.#running.size < this.#options.concurrency) {
      const key = this.#take();
      this.#running.add(key);
      void this.#work(key);
    }
  }

  #take(): K {
    const key = this.#queue[this.#next++]!;
    this.#waiting.delete(key);
    if (this.#next >= 1024 && this.#next * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    return key;
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
      if (this.#again.delete(key)) this.add(key);
      this.#fill();
      if (this.#stop.signal.aborted && this.#running.size === 0) this.#drained.resolve();
    }
  }
}

/** Doubles from `firstMs` up to `maxMs`, as client-go's item exponential failure limiter does. */
export function exponential(firstMs: number, maxMs: number): (failures: number) => number {
  return (failures) => Math.min(firstMs * 2 ** (failures - 1), maxMs);
}
