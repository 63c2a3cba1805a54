import { onScopeDispose, shallowRef, type ShallowRef } from 'vue';
import { systemClock } from '#shared/base/system-clock.ts';

/** The time by the wall, moving once a second while the window is visible. */
export function useNow(): ShallowRef<number> {
  const now = shallowRef(systemClock.now());
  let timer = systemClock.after(1000, tick);
  onScopeDispose(() => timer[Symbol.dispose]());
  return now;

  function tick(): void {
    if (!document.hidden) now.value = systemClock.now();
    timer = systemClock.after(1000, tick);
  }
}
