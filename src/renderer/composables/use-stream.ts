import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue';
import type { App } from '../app/connection.ts';
import { useSession } from '../app/session.ts';
import { messageOf } from './message-of.ts';

export interface StreamView<T> {
  readonly now: ShallowRef<T | undefined>;
  readonly problem: ShallowRef<string | undefined>;
}

const retryMs = 1_000;

/** What a stream of the app said last; begun anew whenever it ends or the app changes. */
export function useStream<T>(
  open: (app: App, signal: AbortSignal) => AsyncIterable<T>,
): StreamView<T> {
  const session = useSession();
  const view: StreamView<T> = { now: shallowRef(), problem: shallowRef() };
  let current: AbortController | undefined;
  watch(
    () => session.app,
    (app) => {
      current?.abort();
      if (!app) return;
      current = new AbortController();
      void follow(app, current.signal);
    },
    { immediate: true },
  );
  onScopeDispose(() => current?.abort());
  return view;

  async function follow(app: App, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const value of open(app, signal)) {
          view.now.value = value;
          view.problem.value = undefined;
        }
      } catch (error) {
        if (signal.aborted) return;
        view.problem.value = messageOf(error);
      }
      if (!signal.aborted) await sleep(systemClock, retryMs);
    }
  }
}
