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
        app.value = opened;
        for await (const now of opened.health({})) {
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
