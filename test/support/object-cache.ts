import type { ObjectCache, ObjectChange } from '#main/control-plane/apiserver/object-cache.ts';
import { keyOf, type KubeObject, type New, type ObjectKey } from '#shared/kube/object.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';

interface Kept {
  readonly objects: Map<string, KubeObject>;
  readonly handlers: Set<(change: ObjectChange<KubeObject>) => void>;
}

/** What the server knows of the cluster, as a test puts it there. */
export class MemoryObjectCache implements ObjectCache {
  readonly #kept = new Map<string, Kept>();
  #revision = 0;

  /** Fills in kind, identity and revision where the test leaves them out; the uid is `uid-<name>`. */
  put<T extends KubeObject>(resource: Resource<T>, object: New<T>): T {
    const { name = '', namespace } = object.metadata;
    const stored = {
      apiVersion: groupVersionOf(resource),
      kind: resource.kind,
      ...object,
      metadata: {
        uid: `uid-${name}`,
        creationTimestamp: '2026-01-01T00:00:00Z',
        ...object.metadata,
        resourceVersion: String(++this.#revision),
      },
    } as KubeObject as T;
    const { objects, handlers } = this.#of(resource);
    const key = keyOf({ namespace, name });
    const before = objects.get(key);
    objects.set(key, stored);
    for (const receive of handlers) receive({ before, after: stored });
    return stored;
  }

  remove(resource: { readonly group: string; readonly plural: string }, key: ObjectKey): void {
    const { objects, handlers } = this.#of(resource);
    const before = objects.get(keyOf(key));
    objects.delete(keyOf(key));
    for (const receive of handlers) receive({ before, after: undefined });
  }

  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): T | undefined {
    return this.#of(resource).objects.get(keyOf(key)) as T | undefined;
  }

  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Iterable<T> {
    const all = [...this.#of(resource).objects.values()] as T[];
    return namespace ? all.filter(({ metadata }) => metadata.namespace === namespace) : all;
  }

  subscribe<T extends KubeObject>(
    resource: Resource<T>,
    receive: (change: ObjectChange<T>) => void,
  ): Disposable {
    const { objects, handlers } = this.#of(resource);
    for (const after of objects.values()) receive({ before: undefined, after: after as T });
    handlers.add(receive as (change: ObjectChange<KubeObject>) => void);
    return { [Symbol.dispose]: () => void handlers.delete(receive as never) };
  }

  #of({ group, plural }: { readonly group: string; readonly plural: string }): Kept {
    const id = `${group}/${plural}`;
    let kept = this.#kept.get(id);
    if (!kept) this.#kept.set(id, (kept = { objects: new Map(), handlers: new Set() }));
    return kept;
  }
}
