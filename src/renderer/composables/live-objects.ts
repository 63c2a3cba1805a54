import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { keyOf, type KubeList, type KubeObject } from '#shared/kube/object.ts';
import {
  effectScope,
  onScopeDispose,
  shallowRef,
  triggerRef,
  watch,
  type EffectScope,
  type ShallowRef,
} from 'vue';
import type { App } from '../app/connection.ts';
import { useKinds, type Kind } from '../app/kinds.ts';
import { useSession } from '../app/session.ts';
import { messageOf } from './message-of.ts';

export interface LiveObjects<T> {
  /** By `namespace/name`. The same Map as it changes; told of at most once per frame. */
  readonly objects: ShallowRef<Map<string, T>>;
  readonly isLoaded: ShallowRef<boolean>;
  readonly problem: ShallowRef<string | undefined>;
}

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T & { readonly code?: number; readonly message?: string };
}

interface Shared {
  readonly live: LiveObjects<KubeObject>;
  readonly scope: EffectScope;
  users: number;
}

const shared = new Map<string, Shared>();

/** All objects of a kind (as `kindId` names it), kept current while anybody looks; watched once for all. */
export function useLiveObjects<T extends KubeObject>(id: string): LiveObjects<T> {
  const found = shared.get(id) ?? begin(id);
  found.users++;
  onScopeDispose(() => {
    found.users--;
    // Whoever looks next, within the same turn, finds it running.
    queueMicrotask(() => {
      if (found.users > 0 || shared.get(id) !== found) return;
      shared.delete(id);
      found.scope.stop();
    });
  });
  return found.live as unknown as LiveObjects<T>;
}

function begin(id: string): Shared {
  const scope = effectScope(true);
  const live = scope.run(() => followed(id))!;
  const begun: Shared = { live, scope, users: 0 };
  shared.set(id, begun);
  return begun;
}

function followed(id: string): LiveObjects<KubeObject> {
  const session = useSession();
  const kinds = useKinds();
  const live: LiveObjects<KubeObject> = {
    objects: shallowRef(new Map()),
    isLoaded: shallowRef(false),
    problem: shallowRef(),
  };
  let current: AbortController | undefined;
  watch(
    () => [session.app, kinds.byId.get(id)] as const,
    ([app, kind]) => {
      current?.abort();
      if (!app || !kind) return;
      current = new AbortController();
      void follow(app, kind, { live, signal: current.signal });
    },
    { immediate: true },
  );
  onScopeDispose(() => current?.abort());
  return live;
}

async function follow<T extends KubeObject>(
  app: App,
  { group, version, plural }: Kind,
  { live, signal }: { live: LiveObjects<T>; signal: AbortSignal },
): Promise<void> {
  const target = { group, version, plural };
  while (!signal.aborted) {
    try {
      const listed = (await app.request({ ...target, verb: 'list' }, { signal })) as KubeList<T>;
      live.objects.value = new Map(listed.items.map((object) => [keyOf(object.metadata), object]));
      live.isLoaded.value = true;
      live.problem.value = undefined;
      let { resourceVersion = '' } = listed.metadata;
      while (!signal.aborted) {
        const query = { resourceVersion, allowWatchBookmarks: 'true' };
        for await (const batch of app.watch({ ...target, query }, { signal }))
          resourceVersion = applyBatch(live, batch as readonly WatchEvent<T>[]) ?? resourceVersion;
      }
    } catch (error) {
      if (signal.aborted || error === expired) continue;
      live.problem.value = messageOf(error);
      await sleep(systemClock, 1_000);
    }
  }
}

/** The watch's past has been compacted away: list again. */
const expired = new Error('The watch has expired');

/** Returns the newest resourceVersion seen. */
function applyBatch<T extends KubeObject>(
  live: LiveObjects<T>,
  batch: readonly WatchEvent<T>[],
): string | undefined {
  let newest: string | undefined;
  for (const { type, object } of batch) {
    if (type === 'ERROR') {
      if (object.code === 410) throw expired;
      throw new Error(object.message ?? 'The server ended the watch');
    }
    newest = object.metadata.resourceVersion;
    if (type === 'DELETED') live.objects.value.delete(keyOf(object.metadata));
    else if (type !== 'BOOKMARK') live.objects.value.set(keyOf(object.metadata), object);
  }
  notifySoon(live.objects);
  return newest;
}

const waiting = new Set<ShallowRef<unknown>>();

function notifySoon(objects: ShallowRef<unknown>): void {
  if (waiting.has(objects)) return;
  waiting.add(objects);
  requestAnimationFrame(() => {
    waiting.delete(objects);
    triggerRef(objects);
  });
}
