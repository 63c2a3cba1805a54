import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster, ListOptions } from '#shared/client/cluster.ts';
import type { WatchEvent } from '#shared/client/transport.ts';
import type { ObjectChange } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf, type KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';

/** What happened to one object: `before` is absent when it is new, `after` when it is gone. */
export type Change<T extends KubeObject> = ObjectChange<T>;

/** Names the values under which an object can be looked up in one index. */
export type IndexFunction<T extends KubeObject> = (object: T) => readonly string[];

export interface InformerOptions<T extends KubeObject> extends Pick<
  ListOptions,
  'namespace' | 'labelSelector' | 'fieldSelector'
> {
  readonly cluster: Cluster;
  readonly resource: Resource<T>;
  readonly clock: Clock;
  readonly log: Log;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
}

/**
 * A live copy of one kind: lists, then watches from there, and does both again whenever the watch is
 * lost, so that handlers see every object's latest state and no change twice. Reads never wait.
 */
export class Informer<T extends KubeObject> implements AsyncDisposable {
  readonly resource: Resource<T>;
  /** Resolves once the first list is complete. */
  readonly synced: Promise<void>;
  readonly #options: InformerOptions<T>;
  readonly #objects = new Map<string, T>();
  readonly #indexes: { readonly of: IndexFunction<T>; readonly entries: Index<T> }[] = [];
  readonly #indexByName = new Map<string, Index<T>>();
  readonly #waiting: { readonly until: () => boolean; readonly resolve: () => void }[] = [];
  readonly #handlers = new Set<(change: Change<T>) => void>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #firstSync = Promise.withResolvers<void>();
  #resourceVersion = '';

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.resource = options.resource;
    for (const [name, of] of Object.entries(options.indexes ?? {})) this.addIndex(name, of);
    this.synced = this.#firstSync.promise;
    this.#running = this.#run();
  }

  get isSynced(): boolean {
    return this.#resourceVersion !== '';
  }

  get size(): number {
    return this.#objects.size;
  }

  /** `key` is `namespace/name`, or the name of a cluster-scoped object. */
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** Makes one more index, over what is there already too; a name that exists is left as it is. */
  addIndex(name: string, of: IndexFunction<T>): void {
    if (this.#indexByName.has(name)) return;
    const entries: Index<T> = new Map();
    for (const [key, object] of this.#objects) index(entries, key, { object, values: of(object) });
    this.#indexByName.set(name, entries);
    this.#indexes.push({ of, entries });
  }

  /** True once everything up to this revision of the store has been seen. */
  hasReached(resourceVersion: string): boolean {
    return Number(this.#resourceVersion) >= Number(resourceVersion);
  }

  /** Resolves as soon as `until` holds; it is asked again after each batch of events. */
  when(until: () => boolean): Promise<void> {
    if (until()) return Promise.resolve();
    return new Promise((resolve) => void this.#waiting.push({ until, resolve }));
  }

  /** The objects that the index function gave this value to. */
  by(index: string, value: string): Iterable<T> {
    const entries = this.#indexByName.get(index);
    if (!entries) throw new Error(`The informer of ${this.resource.plural} has no index ${index}`);
    return entries.get(value)?.values() ?? [];
  }

  /** Tells what is there now as additions, at once, then every change in order. */
  subscribe(receive: (change: Change<T>) => void): Disposable {
    for (const after of this.#objects.values()) receive({ before: undefined, after });
    this.#handlers.add(receive);
    return { [Symbol.dispose]: () => void this.#handlers.delete(receive) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The informer has been stopped'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    const worked = (): void => {
      failures = 0;
    };
    while (!signal.aborted) {
      try {
        if (!this.isSynced) await this.#list(signal);
        await this.#watch(signal, worked);
        worked();
      } catch (error) {
        if (signal.aborted) return;
        if (ApiError.is(error, 'Expired', 'Gone', 'Invalid')) this.#resourceVersion = '';
        else {
          failures++;
          log.warn('Watch failed; trying again', { resource: this.resource.plural, error });
          await sleep(clock, Math.min(100 * 2 ** failures, 10_000), signal).catch(() => {}); // stopped meanwhile: the loop's condition ends it
        }
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { cluster, namespace, labelSelector, fieldSelector } = this.#options;
    const list = await cluster.list(this.resource, {
      signal,
      namespace,
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
      resourceVersion: '0',
    });
    const listed = new Set<string>();
    for (const item of list.items) {
      // Over HTTP the items of a list leave out what the list says already.
      const { kind } = this.resource;
      const object = item.kind
        ? item
        : { ...item, apiVersion: groupVersionOf(this.resource), kind };
      listed.add(keyOf(object.metadata));
      this.#put(object);
    }
    for (const [key, object] of this.#objects) if (!listed.has(key)) this.#remove(object);
    this.#resourceVersion = list.metadata.resourceVersion ?? '0';
    this.#firstSync.resolve();
    this.#settle();
  }

  /** `worked` is called whenever something has come. */
  async #watch(signal: AbortSignal, worked: () => void): Promise<void> {
    const { cluster, namespace, labelSelector, fieldSelector } = this.#options;
    const batches = cluster.watch(this.resource, {
      signal,
      namespace,
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
      resourceVersion: this.#resourceVersion,
      allowBookmarks: true,
    });
    for await (const batch of batches) {
      for (const event of batch) this.#receive(event);
      worked();
      this.#settle();
    }
  }

  /** Wakes whoever waited for what has now been seen. */
  #settle(): void {
    for (let at = this.#waiting.length - 1; at >= 0; at--) {
      const { until, resolve } = this.#waiting[at]!;
      if (!until()) continue;
      this.#waiting.splice(at, 1);
      resolve();
    }
  }

  #receive(event: WatchEvent<T>): void {
    if (event.type === 'ERROR') throw ApiError.fromStatus(event.object);
    if (event.type === 'DELETED') this.#remove(event.object);
    else if (event.type !== 'BOOKMARK') this.#put(event.object);
    this.#resourceVersion = event.object.metadata.resourceVersion;
  }

  #put(after: T): void {
    const key = keyOf(after.metadata);
    const before = this.#objects.get(key);
    if (before && before.metadata.resourceVersion === after.metadata.resourceVersion) return;
    this.#objects.set(key, after);
    for (const { of, entries } of this.#indexes) {
      const values = of(after);
      if (before) {
        const old = of(before);
        if (!isSame(old, values)) unindex(entries, key, old);
      }
      index(entries, key, { object: after, values });
    }
    this.#tell({ before, after });
  }

  /** `last` is the object's final state, which handlers get as `before`. */
  #remove(last: T): void {
    const key = keyOf(last.metadata);
    const before = this.#objects.get(key);
    if (!before) return;
    this.#objects.delete(key);
    for (const { of, entries } of this.#indexes) unindex(entries, key, of(before));
    this.#tell({ before: last, after: undefined });
  }

  #tell(change: Change<T>): void {
    for (const receive of this.#handlers) receive(change);
  }
}

type Index<T> = Map<string, Map<string, T>>;

function index<T>(
  entries: Index<T>,
  key: string,
  { object, values }: { object: T; values: readonly string[] },
): void {
  for (const value of values) {
    const bucket = entries.get(value);
    if (bucket) bucket.set(key, object);
    else entries.set(value, new Map([[key, object]]));
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, at) => value === b[at]);
}

function unindex<T>(entries: Index<T>, key: string, values: readonly string[]): void {
  for (const value of values) {
    const bucket = entries.get(value);
    bucket?.delete(key);
    if (bucket?.size === 0) entries.delete(value);
  }
}
