import { systemClock } from '#shared/base/system-clock.ts';

/** Longer than any frame of a window that is seen. */
const hiddenMs = 500;

/** Runs the task before the next frame is drawn; a window that is not drawn catches up all the same. */
export function onNextFrame(task: () => void): void {
  const timer = systemClock.after(hiddenMs, () => {
    cancelAnimationFrame(frame);
    task();
  });
  const frame = requestAnimationFrame(() => {
    timer[Symbol.dispose]();
    task();
  });
}
