import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import type { Health } from '#shared/contract/app.ts';
import { openApp, type App } from './connection.ts';

export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'lost'; readonly why: string };

const retryMs = 1_000;
/** The app speaks once a second. Silent for so long, it has gone, or this machine has slept. */
const silenceMs = 10_000;

/**
 * The way to the app: opened when the window opens, opened again whenever it is lost. Views watch
 * `app` and begin anew when it changes; what they show meanwhile stays and shows its age.
 */
export const useSession = defineStore('session', () => {
  const app = shallowRef<App>();
  const link = shallowRef<Link>({ state: 'connecting' });
  const health = shallowRef<Health>();
  /** When the app last said anything, by `performance.now()`. */
  const heardAt = shallowRef(0);

  async function follow(): Promise<void> {
    for (;;) {
      try {
        using opened = await openApp();
        using silence = watchSilence();
        app.value = opened;
        for await (const now of opened.health({}, { signal: silence.signal })) {
          silence.heard();
          health.value = now;
          heardAt.value = performance.now();
          link.value = { state: 'live' };
        }
        link.value = { state: 'lost', why: 'Pilothouse ended the connection' };
      } catch (error) {
        link.value = { state: 'lost', why: error instanceof Error ? error.message : String(error) };
      }
      app.value = undefined;
      await sleep(systemClock, retryMs);
    }
  }

  void follow();
  return { app, link, health, heardAt };
});

interface Silence extends Disposable {
  /** Aborted when nothing has been heard for too long. */
  readonly signal: AbortSignal;
  heard(): void;
}

function watchSilence(): Silence {
  const tooLong = new AbortController();
  const wait = (): Disposable =>
    systemClock.after(silenceMs, () =>
      tooLong.abort(new Error('Pilothouse does not answer any more')),
    );
  let waiting = wait();
  return {
    signal: tooLong.signal,
    heard() {
      waiting[Symbol.dispose]();
      waiting = wait();
    },
    [Symbol.dispose]: () => waiting[Symbol.dispose](),
  };
}
