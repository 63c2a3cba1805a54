import type { Clock } from '#shared/base/clock.ts';

interface Timer {
  readonly at: number;
  readonly task: () => void;
}

/** Time that only a test moves: it jumps from one due timer to the next once nothing else can run. */
export class WarpClock implements Clock {
  #now: number;
  /** What the wall shows besides: a sleep that the monotonic clock did not count. */
  #ahead = 0;
  readonly #timers = new Set<Timer>();
  readonly #idle: () => Promise<void>;

  constructor(now: number, idle: () => Promise<void>) {
    this.#now = now;
    this.#idle = idle;
  }

  now(): number {
    return this.#now + this.#ahead;
  }

  /** The machine sleeps: time passes and nothing runs. Platforms differ in whether `elapsed` counts it. */
  sleep(ms: number, { isCounted = true } = {}): void {
    if (isCounted) this.#now += ms;
    else this.#ahead += ms;
  }

  elapsed(): number {
    return this.#now;
  }

  after(ms: number, task: () => void): Disposable {
    const timer = { at: this.#now + Math.max(0, ms), task };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#idle();
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers)
        if (timer.at <= end && (!next || timer.at < next.at)) next = timer;
      if (!next) break;
      // What falls due within a few milliseconds is let go together.
      const horizon = Math.min(end, next.at + 4);
      const due = [...this.#timers].filter(({ at }) => at <= horizon).sort((a, b) => a.at - b.at);
      for (const timer of due) {
        if (!this.#timers.delete(timer)) continue;
        this.#now = Math.max(this.#now, timer.at);
        timer.task();
      }
      await this.#idle();
    }
    this.#now = end;
    await this.#idle();
  }
}
