/** Time as a dependency, so that tests can move it by hand and a sleeping host can stop it. */
export interface Clock {
  /** Milliseconds since 1970 by the wall. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go backwards; for measuring. */
  elapsed(): number;
  /** Runs `task` once after `ms`; disposing first cancels it. Does not keep the process alive. */
  after(ms: number, task: () => void): Disposable;
  /** Of a clock that stands still while its host sleeps: which times are nobody's age. */
  readonly pauses?: Pauses;
}

/** A time that the host slept through, in milliseconds since 1970. */
export interface Sleep {
  readonly from: number;
  readonly until: number;
}

/** Times that do not count when the age of something is asked for. */
export interface Pauses {
  /** How much of the time since that moment, in milliseconds since 1970, does not count. */
  since(at: number): number;
  /** The latest sleep. */
  readonly last: Sleep | undefined;
  /** Nothing ages until this is disposed of, though the clock runs. */
  hold(): Disposable;
  readonly isHeld: boolean;
  /** Calls `listener` at each end of a sleep, before any timer goes off. */
  onWake(listener: (sleep: Sleep) => void): Disposable;
}

/** How old what happened at `at`, in milliseconds since 1970, is: without the time that the host slept. */
export function ageOf(clock: Clock, at: number): number {
  return clock.now() - at - (clock.pauses?.since(at) ?? 0);
}

/** Resolves after `ms`; rejects with the signal's reason if aborted first, or already. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
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
