import type { Pod } from '#shared/api/types/core-v1.ts';
import type { ApiRequest, Transport, WatchEvent } from '#shared/client/transport.ts';
import { notFound } from '#shared/kube/errors.ts';
import { keyOf, type KubeObject } from '#shared/kube/object.ts';

type Json = Record<string, unknown>;

interface Watcher {
  readonly resource: string;
  readonly pending: WatchEvent[];
  readonly isFiltered: boolean;
  wake: () => void;
}

/** Just enough of an API server in memory: objects by resource, watches, patches, bindings. */
export class FakeApi implements Transport {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #watchers = new Set<Watcher>();
  #revision = 0;
  requests = 0;
  /** Keys of pods that wait for their kubelet to end them. */
  readonly terminating: string[] = [];

  async request(request: ApiRequest): Promise<unknown> {
    this.requests++;
    const { verb, resource, namespace, name = '', subresource } = request;
    const { plural } = resource;
    const key = keyOf({ namespace, name });
    if (verb === 'list') {
      const items = [...this.#of(plural).values()].filter((one) => isShown(request, one));
      return { metadata: { resourceVersion: String(this.#revision) }, items };
    }
    if (verb === 'create' && subresource === 'binding') return this.#bind(key, request.body);
    if (verb === 'create') return this.put(plural, request.body as KubeObject);
    const known = this.#of(plural).get(key);
    if (!known) throw notFound(resource, name);
    if (verb === 'update') return this.put(plural, request.body as KubeObject);
    if (verb === 'patch') return this.patch(plural, key, request.body, request.patchType);
    if (verb === 'delete') return this.#delete(plural, key);
    return known;
  }

  async *watch(
    request: Omit<ApiRequest, 'verb' | 'body' | 'patchType'>,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<readonly WatchEvent[]> {
    const { signal } = options;
    const isFiltered = request.query?.['fieldSelector'] !== undefined;
    let wake = Promise.withResolvers<void>();
    const watcher: Watcher = {
      resource: request.resource.plural,
      pending: [],
      isFiltered,
      wake: () => wake.resolve(),
    };
    this.#watchers.add(watcher);
    signal?.addEventListener('abort', watcher.wake, { once: true });
    try {
      for (;;) {
        if (watcher.pending.length === 0) await wake.promise;
        if (signal?.aborted) return;
        wake = Promise.withResolvers<void>();
        if (watcher.pending.length > 0) yield watcher.pending.splice(0);
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  all(plural: string): readonly KubeObject[] {
    return [...this.#of(plural).values()];
  }

  get(plural: string, key: string): KubeObject | undefined {
    return this.#of(plural).get(key);
  }

  /** Creates the object or takes the place of the one by its name. */
  put<T extends KubeObject>(plural: string, object: T): T {
    const objects = this.#of(plural);
    const resourceVersion = String(++this.#revision);
    const { name } = object.metadata;
    const uid =
      (object.metadata.uid as string | undefined) ?? `uid-${plural}-${name}-${this.#revision}`;
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion } };
    const key = keyOf({ ...stored.metadata, name });
    const before = objects.get(key);
    objects.set(key, stored);
    this.#tell(plural, before, stored);
    return stored;
  }

  patch(plural: string, key: string, body: unknown, type?: string): KubeObject {
    const known = this.#of(plural).get(key);
    if (!known) throw new Error(`There is no ${plural} ${key}`);
    const changed =
      type === 'application/json-patch+json'
        ? jsonPatched(known, body as readonly JsonPatchStep[])
        : merged(known as unknown as Json, body as Json, type?.includes('strategic') ?? false);
    return this.put(plural, changed as KubeObject);
  }

  /** Takes the object away at once. */
  remove(plural: string, key: string): void {
    const known = this.#of(plural).get(key);
    if (!known) return;
    this.#of(plural).delete(key);
    this.#revision++;
    this.#tell(plural, known, undefined);
  }

  /** Pods on nodes wait for their kubelet, which is somebody else's part. */
  #delete(plural: string, key: string): KubeObject | undefined {
    const known = this.#of(plural).get(key);
    if (plural === 'pods' && (known as Pod).spec.nodeName) {
      this.terminating.push(key);
      const deletionTimestamp = '2026-01-01T12:00:00Z';
      return this.patch(plural, key, { metadata: { deletionTimestamp } });
    }
    this.remove(plural, key);
    return known;
  }

  #bind(key: string, body: unknown): unknown {
    const { target } = body as { target: { name: string } };
    const pod = this.get('pods', key);
    if (!pod) throw notFound({ group: '', plural: 'pods' }, key);
    const conditions = [{ type: 'PodScheduled', status: 'True' }];
    return this.patch('pods', key, { spec: { nodeName: target.name }, status: { conditions } });
  }

  #of(plural: string): Map<string, KubeObject> {
    let objects = this.#objects.get(plural);
    if (!objects) this.#objects.set(plural, (objects = new Map()));
    return objects;
  }

  #tell(plural: string, before: KubeObject | undefined, after: KubeObject | undefined): void {
    for (const watcher of this.#watchers) {
      if (watcher.resource !== plural) continue;
      const was = before && (!watcher.isFiltered || !isOver(before)) ? before : undefined;
      const is = after && (!watcher.isFiltered || !isOver(after)) ? after : undefined;
      if (is) watcher.pending.push({ type: was ? 'MODIFIED' : 'ADDED', object: is });
      else if (was) watcher.pending.push({ type: 'DELETED', object: after ?? was });
      else continue;
      watcher.wake();
    }
  }
}

function isShown({ query }: ApiRequest, object: KubeObject): boolean {
  return query?.['fieldSelector'] === undefined || !isOver(object);
}

function isOver(object: KubeObject): boolean {
  const phase = (object as Pod).status?.phase;
  return phase === 'Succeeded' || phase === 'Failed';
}

interface JsonPatchStep {
  readonly op: string;
  readonly path: string;
  readonly value: unknown;
}

/** Additions at the end of a list are all that the scenarios use. */
function jsonPatched(object: KubeObject, steps: readonly JsonPatchStep[]): unknown {
  const copy = structuredClone(object) as unknown as Json;
  for (const { op, path, value } of steps) {
    const parts = path.split('/').slice(1, -1);
    if (op !== 'add' || !path.endsWith('/-')) throw new Error(`Cannot ${op} ${path}`);
    let list: unknown = copy;
    for (const part of parts) list = (list as Json)[part];
    (list as unknown[]).push(value);
  }
  return copy;
}

/** A merge patch; strategic ones merge lists of objects by name or type. */
function merged(target: Json, patch: Json, isStrategic: boolean): Json {
  const result: Json = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    const known = result[key];
    if (value === null) delete result[key];
    else if (Array.isArray(value) && isStrategic && Array.isArray(known))
      result[key] = mergedLists(known as Json[], value as Json[]);
    else if (typeof value === 'object' && !Array.isArray(value))
      result[key] = merged((known ?? {}) as Json, value as Json, isStrategic);
    else result[key] = value;
  }
  return result;
}

function mergedLists(known: readonly Json[], patch: readonly Json[]): readonly Json[] {
  const keyOfItem = (item: Json): unknown => item['name'] ?? item['type'];
  const result = [...known];
  for (const item of patch) {
    const index = result.findIndex((one) => keyOfItem(one) === keyOfItem(item));
    if (index < 0) result.push(item);
    else result[index] = merged(result[index] ?? {}, item, true);
  }
  return result;
}
