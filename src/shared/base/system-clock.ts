import type { Clock } from '#shared/base/clock.ts';

interface MaybeUnref {
  unref?(): void;
}

/** The machine's own time: the one place that may touch the platform's timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, Math.min(ms, 0x7fffffff));
    (timer as MaybeUnref).unref?.();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
