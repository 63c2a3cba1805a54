import type { Clock } from '#shared/base/clock.ts';

interface Timer {
  readonly at: number;
  readonly task: () => void;
  handle: Disposable | undefined;
}

/** A machine's own time, but for leaps, as if the machine had slept. */
export class LeapingClock implements Clock {
  readonly #real: Clock;
  readonly #timers = new Set<Timer>();
  readonly #behindMs: number;
  #leaptMs = 0;

  /** Starts at the machine's own time unless another one is given. */
  constructor(real: Clock, startAt = real.now()) {
    this.#real = real;
    this.#behindMs = real.now() - startAt;
  }

  now(): number {
    return this.#real.now() - this.#behindMs + this.#leaptMs;
  }

  elapsed(): number {
    return this.#real.elapsed() + this.#leaptMs;
  }

  after(ms: number, task: () => void): Disposable {
    const timer: Timer = { at: this.elapsed() + ms, task, handle: undefined };
    this.#timers.add(timer);
    this.#arm(timer);
    return {
      [Symbol.dispose]: () => {
        timer.handle?.[Symbol.dispose]();
        this.#timers.delete(timer);
      },
    };
  }

  leap(ms: number): void {
    this.#leaptMs += ms;
    for (const timer of this.#timers) this.#arm(timer);
  }

  #arm(timer: Timer): void {
    timer.handle?.[Symbol.dispose]();
    timer.handle = this.#real.after(Math.max(0, timer.at - this.elapsed()), () => {
      this.#timers.delete(timer);
      timer.task();
    });
  }
}
