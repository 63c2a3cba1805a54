import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { onScopeDispose, watch } from 'vue';
import { useSession } from '../../app/session.ts';
import { messageOf } from '../../composables/message-of.ts';
import { attempt } from './apply.ts';
import { attemptOf } from './attempt-of.ts';
import { language } from './language/client.ts';
import type { ManifestState, Planned } from './manifest-state.ts';
import { useSchemas } from './schemas.ts';

const languagePauseMs = 100;
const serverPauseMs = 350;

/** Has the text looked through as it is typed: by the schema beside the page, then by the server. */
export function useChecks(state: ManifestState): void {
  const schemas = useSchemas();
  const session = useSession();
  let checking: AbortController | undefined;

  async function checkText(text: string, signal: AbortSignal): Promise<void> {
    await sleep(systemClock, languagePauseMs, signal);
    await schemas.teach(text);
    const found = await language().diagnose(text);
    if (!signal.aborted) state.found.value = found;
  }

  async function checkPlan(signal: AbortSignal): Promise<void> {
    await sleep(systemClock, serverPauseMs, signal);
    const { objects, isBroken } = state.manifest.value;
    if (!session.app || isBroken || !state.isChanged.value) return void (state.plan.value = []);
    const planned: Planned[] = [];
    for (const object of objects) {
      const wanted = await attemptOf(state, object);
      const outcome =
        typeof wanted === 'string'
          ? ({ type: 'refused', message: wanted, causes: [] } as const)
          : await attempt(session.app, wanted, { dryRun: true, signal });
      planned.push({ object, outcome });
    }
    if (!signal.aborted) state.plan.value = planned;
  }

  async function check(text: string, signal: AbortSignal): Promise<void> {
    try {
      await Promise.all([checkText(text, signal), checkPlan(signal)]);
    } catch (error) {
      if (!signal.aborted) state.difficulty.value = messageOf(error);
    } finally {
      if (!signal.aborted) state.isChecking.value = false;
    }
  }

  watch(
    () =>
      [
        state.text.value,
        session.app,
        state.now.value?.metadata.resourceVersion,
        state.takenOver.value,
        state.settled.value,
      ] as const,
    ([text]) => {
      checking?.abort();
      checking = new AbortController();
      state.isChecking.value = true;
      void check(text, checking.signal);
    },
    { immediate: true },
  );
  onScopeDispose(() => checking?.abort());
}
