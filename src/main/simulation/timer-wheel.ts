import type { Clock } from '#shared/base/clock.ts';

/** Many timers on few of the platform's: what is due within one step runs together. */
export class TimerWheel<K> implements Disposable {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #run: (key: K) => void;
  readonly #slots = new Map<number, Set<K>>();
  readonly #slotOf = new Map<K, number>();
  #timer: { readonly slot: number; readonly handle: Disposable } | undefined;

  constructor(clock: Clock, stepMs: number, run: (key: K) => void) {
    this.#clock = clock;
    this.#stepMs = stepMs;
    this.#run = run;
  }

  /** Runs the key after `ms`, instead of when it was to run before. */
  set(key: K, ms: number): void {
    this.delete(key);
    const slot = Math.ceil((this.#clock.elapsed() + ms) / this.#stepMs);
    const keys = this.#slots.get(slot);
    if (keys) keys.add(key);
    else this.#slots.set(slot, new Set([key]));
    this.#slotOf.set(key, slot);
    if (!this.#timer || slot < this.#timer.slot) this.#arm(slot);
  }

  delete(key: K): void {
    const slot = this.#slotOf.get(key);
    if (slot === undefined) return;
    this.#slotOf.delete(key);
    const keys = this.#slots.get(slot);
    keys?.delete(key);
    if (keys?.size === 0) this.#slots.delete(slot);
  }

  [Symbol.dispose](): void {
    this.#timer?.handle[Symbol.dispose]();
    this.#timer = undefined;
    this.#slots.clear();
    this.#slotOf.clear();
  }

  #arm(slot: number): void {
    this.#timer?.handle[Symbol.dispose]();
    const ms = Math.max(slot * this.#stepMs - this.#clock.elapsed(), 0);
    this.#timer = { slot, handle: this.#clock.after(ms, () => this.#fire()) };
  }

  #fire(): void {
    this.#timer = undefined;
    const now = Math.floor(this.#clock.elapsed() / this.#stepMs);
    let next = Infinity;
    const due: K[] = [];
    for (const [slot, keys] of this.#slots) {
      if (slot > now) next = Math.min(next, slot);
      else {
        this.#slots.delete(slot);
        for (const key of keys) {
          this.#slotOf.delete(key);
          due.push(key);
        }
      }
    }
    if (next < Infinity) this.#arm(next);
    for (const key of due) this.#run(key);
  }
}
