import type { Clock } from './clock.ts';
import { PauseLedger } from './pause-ledger.ts';

/** The host is looked at this often. */
const watchMs = 5_000;
/** A look that comes this much too late, or a wall clock that jumped as far, is a sleep. */
const gapMs = 15_000;
/** So many looks in time after a pause that was not ended: the host did not go to sleep, or told nobody that it woke. */
const looksUntilAwake = 12;
/** A timer of the platform may be early by its own grain. */
const grainMs = 2;

interface Look {
  readonly wall: number;
  readonly elapsed: number;
}

interface Timer {
  readonly task: () => void;
  /** By the cluster's own elapsed time. */
  readonly at: number;
  /** Absent while parked: time stands still and the host's timer has gone off. */
  handle: Disposable | undefined;
}

/**
 * The cluster's time over the host's. While the host sleeps it stands still: `elapsed` does not
 * move, no timer goes off, and `pauses` keeps what ages from ageing. `now` stays the wall's.
 *
 * A sleep is either told (`pause`, `resume`) or noticed: by an event loop that did not turn, by a
 * monotonic clock that ran on, or by a wall clock that ran ahead of it; platforms differ in which.
 */
export class ClusterClock implements Clock, Disposable {
  readonly #host: Clock;
  readonly #ledger: PauseLedger;
  readonly #timers = new Set<Timer>();
  #watch: Disposable | undefined;
  #looked: Look;
  /** Elapsed time of the host that does not count. */
  #lost = 0;
  #paused: Look | undefined;
  #looksWhilePaused = 0;

  constructor(host: Clock) {
    this.#host = host;
    this.#ledger = new PauseLedger(() => host.now());
    this.#looked = this.#read();
    this.#schedule();
  }

  get pauses(): PauseLedger {
    return this.#ledger;
  }

  now(): number {
    return this.#host.now();
  }

  elapsed(): number {
    if (this.#host.elapsed() - this.#looked.elapsed > watchMs + gapMs) this.#look();
    return (this.#paused?.elapsed ?? this.#host.elapsed()) - this.#lost;
  }

  after(ms: number, task: () => void): Disposable {
    const timer: Timer = { task, at: this.elapsed() + Math.max(0, ms), handle: undefined };
    this.#timers.add(timer);
    this.#arm(timer, ms);
    return {
      [Symbol.dispose]: () => {
        this.#timers.delete(timer);
        timer.handle?.[Symbol.dispose]();
      },
    };
  }

  /** The host is about to sleep. */
  pause(): void {
    if (this.#paused) return;
    this.#look();
    this.#paused = this.#looked;
    this.#looksWhilePaused = 0;
  }

  /** The host is awake. Does nothing unless time stands still. */
  resume(): void {
    this.#look();
    const paused = this.#paused;
    if (!paused) return;
    this.#paused = undefined;
    this.#lost += this.#looked.elapsed - paused.elapsed;
    this.#ledger.slept({ from: paused.wall, until: this.#looked.wall });
    for (const timer of this.#timers)
      if (!timer.handle) this.#arm(timer, timer.at - this.elapsed());
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    for (const { handle } of this.#timers) handle?.[Symbol.dispose]();
    this.#timers.clear();
  }

  #arm(timer: Timer, ms: number): void {
    timer.handle = this.#host.after(ms, () => this.#due(timer));
  }

  #due(timer: Timer): void {
    timer.handle = undefined;
    this.#look();
    if (this.#paused) return;
    const left = timer.at - this.elapsed();
    if (left > grainMs) return this.#arm(timer, left);
    this.#timers.delete(timer);
    timer.task();
  }

  #schedule(): void {
    this.#watch = this.#host.after(watchMs, () => {
      this.#schedule();
      this.#look();
      if (this.#paused && ++this.#looksWhilePaused >= looksUntilAwake) this.resume();
    });
  }

  #read(): Look {
    return { wall: this.#host.now(), elapsed: this.#host.elapsed() };
  }

  /** Compares both clocks of the host with the last look; what is missing in between was a sleep. */
  #look(): void {
    const before = this.#looked;
    const { wall, elapsed } = (this.#looked = this.#read());
    const ran = elapsed - before.elapsed;
    const jumped = wall - before.wall - ran;
    const hasSlept = ran > watchMs + gapMs || jumped > gapMs;
    if (!hasSlept) return;
    if (this.#paused) {
      this.#looksWhilePaused = 0;
      return;
    }
    if (ran > watchMs + gapMs) {
      this.#lost += ran;
      this.#ledger.slept({ from: Math.min(before.wall, wall), until: wall });
    } else this.#ledger.slept({ from: wall - jumped, until: wall });
  }
}
