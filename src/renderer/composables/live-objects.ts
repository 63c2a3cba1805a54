import { keyOf, type KubeObject } from '#shared/kube/object.ts';
import {
  effectScope,
  onScopeDispose,
  shallowRef,
  triggerRef,
  watch,
  type EffectScope,
  type ShallowRef,
} from 'vue';
import { useKinds } from '../app/kinds.ts';
import { useSession } from '../app/session.ts';
import { onNextFrame } from './next-frame.ts';
import { follow, type Follower } from './follow.ts';

export interface LiveObjects<T> {
  /** By `namespace/name`. The same Map as it changes; told of at most once per frame. */
  readonly objects: ShallowRef<Map<string, T>>;
  readonly isLoaded: ShallowRef<boolean>;
  readonly problem: ShallowRef<string | undefined>;
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
  const follower = followerOf(live);
  let current: AbortController | undefined;
  watch(
    () => [session.app, kinds.byId.get(id)] as const,
    ([app, kind]) => {
      current?.abort();
      if (!app || !kind) return;
      current = new AbortController();
      const { group, version, plural } = kind;
      void follow((signal) => app.follow({ group, version, plural }, { signal }), {
        keyOf: ({ metadata }) => keyOf(metadata),
        follower,
        signal: current.signal,
      });
    },
    { immediate: true },
  );
  onScopeDispose(() => current?.abort());
  return live;
}

/** Frames are drawn from what is there then, however much has been told since the last one. */
function followerOf(live: LiveObjects<KubeObject>): Follower<KubeObject> {
  let isWaiting = false;
  return {
    begin() {},
    replaced: (all) => void (live.objects.value = all),
    changed() {
      if (isWaiting || !live.isLoaded.value) return;
      isWaiting = true;
      onNextFrame(() => {
        isWaiting = false;
        triggerRef(live.objects);
      });
    },
    complete() {
      live.isLoaded.value = true;
      live.problem.value = undefined;
      triggerRef(live.objects);
    },
    problem: (why) => void (live.problem.value = why),
  };
}
