import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue';
import type { KubeList, KubeObject } from '#shared/kube/object.ts';
import { parseKey } from '#shared/kube/object.ts';
import { useSession } from '../../app/session.ts';
import type { App } from '../../app/connection.ts';
import type { Kind } from '../../app/kinds.ts';
import { messageOf } from '../../composables/message-of.ts';

export interface EventLine {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly at: string;
  readonly count: number;
}

export interface ObjectView {
  readonly object: ShallowRef<KubeObject | undefined>;
  readonly events: ShallowRef<readonly EventLine[]>;
  readonly problem: ShallowRef<string | undefined>;
}

interface CoreEvent extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly count?: number;
}

/** One object as it changes, and what has been said about it. */
export function useObject(kind: Kind, key: string): ObjectView {
  const session = useSession();
  const view: ObjectView = {
    object: shallowRef(),
    events: shallowRef([]),
    problem: shallowRef(),
  };
  const gone = new AbortController();
  onScopeDispose(() => gone.abort());
  watch(
    () => session.app,
    (app) => {
      if (app) void follow(app, { kind, key, view, signal: gone.signal });
    },
    { immediate: true },
  );
  return view;
}

interface Following {
  readonly kind: Kind;
  readonly key: string;
  readonly view: ObjectView;
  readonly signal: AbortSignal;
}

/** A watch ends when the server has had enough of it, and is begun anew. */
async function follow(app: App, following: Following): Promise<void> {
  const { view, signal } = following;
  try {
    while (!signal.aborted) await followOnce(app, following);
  } catch (error) {
    if (!signal.aborted) view.problem.value = messageOf(error);
  }
}

async function followOnce(app: App, { kind, key, view, signal }: Following): Promise<void> {
  const { group, version, plural } = kind;
  const { namespace, name } = parseKey(key);
  const target = { group, version, plural, ...(namespace !== undefined && { namespace }) };
  const object = (await app.request({ ...target, name, verb: 'get' }, { signal })) as KubeObject;
  view.object.value = object;
  view.problem.value = undefined;
  await readEvents(app, object, view);
  const { resourceVersion } = object.metadata;
  const query = { fieldSelector: `metadata.name=${name}`, resourceVersion };
  for await (const batch of app.watch({ ...target, query }, { signal })) {
    for (const event of batch as readonly { type: string; object: KubeObject }[]) {
      if (event.type === 'DELETED') view.problem.value = `${kind.kind} ${key} has been deleted`;
      if (event.type === 'ADDED' || event.type === 'MODIFIED') view.object.value = event.object;
    }
    await readEvents(app, object, view);
  }
}

async function readEvents(app: App, { metadata }: KubeObject, view: ObjectView): Promise<void> {
  const list = (await app.request({
    verb: 'list',
    group: '',
    version: 'v1',
    plural: 'events',
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    query: { fieldSelector: `involvedObject.uid=${metadata.uid}` },
  })) as KubeList<CoreEvent>;
  view.events.value = list.items
    .map((event) => ({
      type: event.type ?? '',
      reason: event.reason ?? '',
      message: event.message ?? '',
      at: event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp,
      count: event.count ?? 1,
    }))
    .sort((a, b) => b.at.localeCompare(a.at));
}
