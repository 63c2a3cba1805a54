import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { SchedulingNow } from '#shared/contract/scheduling.ts';
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue';
import { useSession } from '../../app/session.ts';
import type { App } from '../../app/connection.ts';

export interface SchedulingView {
  readonly now: ShallowRef<SchedulingNow | undefined>;
  readonly problem: ShallowRef<string | undefined>;
}

/** The scheduler's queues and the attempts of one pod, followed while the window can be seen. */
export function useScheduling(pod: () => string): SchedulingView {
  const session = useSession();
  const isVisible = shallowRef(!document.hidden);
  const onVisibility = (): void => void (isVisible.value = !document.hidden);
  document.addEventListener('visibilitychange', onVisibility);
  const view: SchedulingView = { now: shallowRef(), problem: shallowRef() };
  let current: AbortController | undefined;
  watch(
    () => [isVisible.value ? session.app : undefined, pod()] as const,
    ([app, key], previous) => {
      current?.abort();
      if (key !== previous?.[1] && view.now.value)
        view.now.value = { ...view.now.value, attempts: [] };
      if (!app) return;
      current = new AbortController();
      void follow(app, key, { view, signal: current.signal });
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', onVisibility);
    current?.abort();
  });
  return view;
}

async function follow(
  app: App,
  pod: string,
  { view, signal }: { view: SchedulingView; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const now of app.scheduling(pod === '' ? {} : { pod }, { signal })) {
        view.now.value = now;
        view.problem.value = undefined;
      }
    } catch (error) {
      if (signal.aborted) return;
      view.problem.value = error instanceof Error ? error.message : String(error);
      await sleep(systemClock, 1_000);
    }
  }
}
