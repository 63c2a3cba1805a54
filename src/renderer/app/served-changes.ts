import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { App } from './connection.ts';

/** What adds kinds to a cluster and takes them away. */
const sources = [
  { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' },
  { group: 'apiregistration.k8s.io', version: 'v1', plural: 'apiservices' },
] as const;

const settleMs = 300;

/** Calls back a moment after the kinds that the cluster serves may have changed, until it is aborted. */
export function onServedChange(app: App, changed: () => void, signal: AbortSignal): void {
  let soon: Disposable | undefined;
  const note = (): void => {
    soon?.[Symbol.dispose]();
    soon = systemClock.after(settleMs, () => {
      if (!signal.aborted) changed();
    });
  };
  for (const source of sources) void follow(app, source, { note, signal });
}

async function follow(
  app: App,
  target: (typeof sources)[number],
  { note, signal }: { readonly note: () => void; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      // Without a version the watch begins with what is there: one more look at the kinds, no more.
      for await (const batch of app.watchTable({ ...target }, { signal }))
        if (batch.length > 0) note();
    } catch (error) {
      // A cluster that does not let us watch these tells of its kinds when the window is opened anew.
      if (signal.aborted || isRefusal(error)) return;
      await sleep(systemClock, 5_000);
    }
  }
}

function isRefusal(error: unknown): boolean {
  const { reason } = (error ?? {}) as { readonly reason?: string };
  return reason === 'Forbidden' || reason === 'NotFound';
}
