/** Time as a dependency, so that tests can move it by hand and a sleeping host can stop it. */
export interface Clock {
  /** Milliseconds since 1970 by the wall. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go backwards; for measuring. */
  elapsed(): number;
  /** Runs `task` once after `ms`; disposing first cancels it. Does not keep the process alive. */
  after(ms: number, task: () => void): Disposable;
}

/** Resolves after `ms`; rejects with the signal's reason if aborted first. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = clock.after(ms, finish);
  signal?.addEventListener('abort', cancel, { once: true });
  return promise;

  function finish(): void {
    signal?.removeEventListener('abort', cancel);
    resolve();
  }
  function cancel(): void {
    timer[Symbol.dispose]();
    reject(signal?.reason as Error);
  }
}
