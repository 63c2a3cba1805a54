import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { parseKey, type KubeObject } from '#shared/kube/object.ts';
import { onScopeDispose, watch } from 'vue';
import type { App } from '../../app/connection.ts';
import type { Kind } from '../../app/kinds.ts';
import { useKinds } from '../../app/kinds.ts';
import { useSession } from '../../app/session.ts';
import { messageOf } from '../../composables/message-of.ts';
import { changesBetween, isSame } from './changes.ts';
import { textOf, type ManifestState } from './manifest-state.ts';
import { stripped } from './stripped.ts';
import { rebase } from './text-edit.ts';

interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject;
}

/** Keeps the edited object beside its text, through everything that happens to it meanwhile. */
export function useOrigin(state: ManifestState, kindId: string, key: string): void {
  const session = useSession();
  const kinds = useKinds();
  let current: AbortController | undefined;
  watch(
    () => [session.app, kinds.byId.get(kindId)] as const,
    ([app, kind]) => {
      current?.abort();
      if (!app || !kind) return;
      current = new AbortController();
      void follow(app, { kind, key, state, signal: current.signal });
    },
    { immediate: true },
  );
  onScopeDispose(() => current?.abort());
}

interface Following {
  readonly kind: Kind;
  readonly key: string;
  readonly state: ManifestState;
  readonly signal: AbortSignal;
}

async function follow(app: App, following: Following): Promise<void> {
  const { kind, key, state, signal } = following;
  const { group, version, plural } = kind;
  const { namespace, name } = parseKey(key);
  const target = { group, version, plural, ...(namespace !== undefined && { namespace }) };
  while (!signal.aborted) {
    try {
      const seen = await seenNow(app, { ...target, name }, signal);
      take(following, seen);
      const query = {
        fieldSelector: `metadata.name=${name}`,
        ...(seen && { resourceVersion: seen.metadata.resourceVersion }),
      };
      for await (const batch of app.watch({ ...target, query }, { signal }))
        for (const { type, object } of batch as readonly WatchEvent[]) {
          if (type === 'ERROR') throw new Error('The watch has ended');
          take(following, type === 'DELETED' ? undefined : object);
        }
    } catch (error) {
      if (signal.aborted) return;
      if (!state.now.value) state.difficulty.value = messageOf(error);
      await sleep(systemClock, 1_000);
    }
  }
}

async function seenNow(
  app: App,
  target: {
    readonly group: string;
    readonly version: string;
    readonly plural: string;
    readonly name: string;
  },
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return (await app.request({ ...target, verb: 'get' }, { signal })) as KubeObject;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** An unchanged text follows the object; an edited one stays as it is. */
function take({ kind, key, state }: Following, now: KubeObject | undefined): void {
  const { base, text, settled, isChanged } = state;
  state.now.value = now;
  state.isGone.value = now === undefined && base.value !== undefined;
  state.difficulty.value = now || base.value ? undefined : `There is no ${kind.kind} ${key}`;
  if (!now || (base.value && isChanged.value)) return;
  const before = base.value;
  base.value = now;
  if (before && isSame(stripped(before), stripped(now))) return;
  const isFollowing = !isChanged.value;
  // Comments that were written while it was edited stay when it goes on.
  const hasOwnWords = before !== undefined && settled.value !== textOf(before);
  settled.value = hasOwnWords
    ? rebase(settled.value, 0, changesBetween(stripped(before), stripped(now), undefined)).text
    : textOf(now);
  if (isFollowing) text.value = settled.value;
}
