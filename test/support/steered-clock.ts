import type { Clock } from '#shared/base/clock.ts';

interface Timer {
  readonly at: number;
  readonly task: () => void;
  handle: Disposable | undefined;
}

/** A machine's time that a test makes run faster, or jump as if the machine had slept. */
export class SteeredClock implements Clock {
  readonly #real: Clock;
  readonly #timers = new Set<Timer>();
  #rate = 1;
  /** Where both clocks were when the rate was set. */
  #mark: { readonly real: number; readonly own: number };
  readonly #wallAtStart: number;

  /** Starts at the machine's own time unless another one is given. */
  constructor(real: Clock, startAt = real.now()) {
    this.#real = real;
    this.#mark = { real: real.elapsed(), own: 0 };
    this.#wallAtStart = startAt;
  }

  now(): number {
    return this.#wallAtStart + this.elapsed();
  }

  elapsed(): number {
    return this.#mark.own + (this.#real.elapsed() - this.#mark.real) * this.#rate;
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

  /** So many seconds for each real one from now on, after a leap of some milliseconds. */
  steer({ rate, leapMs = 0 }: { readonly rate: number; readonly leapMs?: number }): void {
    this.#mark = { real: this.#real.elapsed(), own: this.elapsed() + leapMs };
    this.#rate = rate;
    for (const timer of this.#timers) this.#arm(timer);
  }

  #arm(timer: Timer): void {
    timer.handle?.[Symbol.dispose]();
    const ms = Math.max(0, timer.at - this.elapsed()) / this.#rate;
    timer.handle = this.#real.after(ms, () => {
      this.#timers.delete(timer);
      timer.task();
    });
  }
}
