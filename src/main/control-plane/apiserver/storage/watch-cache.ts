import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import {
  Entry,
  type ObjectForm,
  storedEntry,
} from '#main/control-plane/apiserver/storage/entry.ts';
import { StorageEvent } from '#main/control-plane/apiserver/storage/event-log.ts';
import {
  ResourceCache,
  type CacheOptions,
} from '#main/control-plane/apiserver/storage/resource-cache.ts';
import {
  prefixEnd,
  StoreError,
  type KeyValue,
  type Store,
  type StoreEvent,
  type Watch,
  type WatchMessage,
} from '#main/control-plane/etcd/store.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** Reads a stored value, whoever wrote it; returns it in the form this server writes. */
export type DecodeValue = (
  cache: ResourceCache,
  kv: KeyValue,
) => { readonly object: KubeObject; readonly value: Buffer };

export interface WatchCacheOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly decode: DecodeValue;
}

/** A write on its way: its object need not be decoded when it comes back as an event. */
export interface PendingWrite {
  readonly object: KubeObject;
  readonly value: Buffer;
  entry?: Entry;
}

const root = '/registry/';
const bookmarkPeriodMs = 60_000;
const pageSize = 5_000;

/** The store's content as objects, kept current by one watch over everything. */
export class WatchCache implements AsyncDisposable {
  readonly #options: WatchCacheOptions;
  readonly #caches = new Map<string, ResourceCache>();
  readonly #pending = new Map<string, PendingWrite[]>();
  readonly #loading = new Map<ResourceCache, StoreEvent[]>();
  readonly #stop = new AbortController();
  #watch: Watch | undefined;
  #bookmarks: Disposable | undefined;
  #waiting: { readonly revision: number; readonly resolve: () => void }[] = [];
  #reload: Promise<void> | undefined;
  #revision = 0;
  #isFollowing = false;

  constructor(options: WatchCacheOptions) {
    this.#options = options;
  }

  /** Everything up to this revision is known here. */
  get revision(): number {
    return this.#revision;
  }

  /** Reads everything and begins to follow. To be called once, after the first `add`s. */
  async start(): Promise<void> {
    await this.#load();
    this.#follow();
    this.#planBookmarks();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The API server has been stopped'));
    this.#watch?.[Symbol.dispose]();
    this.#bookmarks?.[Symbol.dispose]();
    this.endWatches();
    await this.#reload;
  }

  /** Ends every watch, as if its time were over: clients come back to whoever serves then. */
  endWatches(): void {
    for (const cache of this.#caches.values()) cache.watchers.endAll();
  }

  /** The cache of a prefix; every kind that is stored there shares it. */
  add(prefix: string, form: ObjectForm, options: CacheOptions): ResourceCache {
    const known = this.#caches.get(prefix);
    if (known) return known;
    const cache = new ResourceCache(prefix, form, options);
    this.#caches.set(prefix, cache);
    return cache;
  }

  /** Reads what is stored under a cache that was added after the start. */
  async load(cache: ResourceCache): Promise<void> {
    const early: StoreEvent[] = [];
    this.#loading.set(cache, early);
    try {
      const { entries, revision } = await this.#read(cache);
      cache.replace(entries, revision);
      this.#loading.delete(cache);
      for (const event of early) if (event.kv.modRevision > revision) this.#apply(cache, event);
      cache.watchers.flush();
    } finally {
      this.#loading.delete(cache);
    }
  }

  remove(cache: ResourceCache): void {
    cache.watchers.endAll();
    this.#caches.delete(cache.prefix);
  }

  caches(): Iterable<ResourceCache> {
    return this.#caches.values();
  }

  /** Until `done`, an event that carries this very value is taken to be this write's. */
  expect(key: string, write: PendingWrite): () => void {
    const writes = this.#pending.get(key);
    if (writes) writes.push(write);
    else this.#pending.set(key, [write]);
    return () => {
      const left = this.#pending.get(key)!.filter((other) => other !== write);
      if (left.length === 0) this.#pending.delete(key);
      else this.#pending.set(key, left);
    };
  }

  /** Resolves once everything up to `revision` is known here. */
  reached(revision: number): Promise<void> | undefined {
    if (this.#revision >= revision) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ revision, resolve });
    this.#watch?.requestProgress();
    return promise;
  }

  /** Something to wait for while the store is known to be ahead; the embedded store never is. */
  behind(): Promise<void> | undefined {
    return this.reached(this.#options.store.revision);
  }

  /** Throws if the store does not answer. */
  async checkStore(): Promise<void> {
    await this.#options.store.range({ key: `${root}health`, limit: 1, keysOnly: true });
  }

  /** Throws while what is known here may be behind the store. */
  checkFollowing(): void {
    if (!this.#isFollowing) throw new Error('The store is not being followed');
  }

  #follow(): void {
    this.#isFollowing = true;
    const request = { key: root, rangeEnd: prefixEnd(root), startRevision: this.#revision + 1 };
    this.#watch = this.#options.store.watch(request, (message) => this.#receive(message));
  }

  #receive(message: WatchMessage): void {
    if (message.type === 'ended') {
      this.#lost(message.error);
      return;
    }
    if (message.type === 'events') {
      const touched = new Set<ResourceCache>();
      for (const event of message.events) {
        const cache = this.#cacheOf(event.kv.key);
        if (!cache) continue;
        const early = this.#loading.get(cache);
        if (early) early.push(event);
        else {
          this.#apply(cache, event);
          touched.add(cache);
        }
      }
      this.#revision = message.revision;
      for (const cache of touched) cache.watchers.flush();
    }
    this.#revision = message.revision;
    this.#wake();
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter(({ revision }) => revision <= this.#revision);
    this.#waiting = this.#waiting.filter(({ revision }) => revision > this.#revision);
    for (const { resolve } of ready) resolve();
  }

  #apply(cache: ResourceCache, { type, kv }: StoreEvent): void {
    const [namespace, name] = identityOf(cache, kv.key);
    const previous = cache.get(namespace, name);
    if (type === 'delete' && !previous) return;
    const entry = type === 'put' ? this.#entryOf(cache, kv) : undefined;
    if (type === 'put' && !entry) return;
    cache.apply(new StorageEvent(kv.modRevision, entry, previous), this.#options.clock.now());
  }

  #entryOf(cache: ResourceCache, kv: KeyValue): Entry | undefined {
    const writes = this.#pending.get(kv.key);
    const write =
      writes?.find(({ value }) => value === kv.value) ??
      (writes?.length === 1 && writes[0]!.value.equals(kv.value) ? writes[0] : undefined);
    if (write) return (write.entry ??= new Entry(cache.form, write, kv.modRevision));
    return this.#decoded(cache, kv);
  }

  #decoded(cache: ResourceCache, kv: KeyValue): Entry | undefined {
    try {
      return storedEntry(cache, this.#options.decode(cache, kv), kv.modRevision);
    } catch (error) {
      this.#options.log.error('Stored value cannot be read; it is left alone', {
        key: kv.key,
        error,
      });
      return undefined;
    }
  }

  /** `/registry/pods` or, with two segments, `/registry/services/specs`, `/registry/<group>/<plural>`. */
  #cacheOf(key: string): ResourceCache | undefined {
    const first = key.indexOf('/', root.length);
    if (first < 0) return undefined;
    const one = this.#caches.get(key.slice(0, first));
    if (one) return one;
    const second = key.indexOf('/', first + 1);
    return second < 0 ? undefined : this.#caches.get(key.slice(0, second));
  }

  async #load(): Promise<void> {
    const { store } = this.#options;
    const entries = new Map<ResourceCache, Entry[]>();
    let revision: number | undefined;
    for (let key = root; ;) {
      const request = { key, rangeEnd: prefixEnd(root), limit: pageSize };
      const page = await store.range(revision === undefined ? request : { ...request, revision });
      revision ??= page.revision;
      for (const kv of page.kvs) {
        const cache = this.#cacheOf(kv.key);
        const entry = cache && this.#decoded(cache, kv);
        if (!entry) continue;
        const list = entries.get(cache);
        if (list) list.push(entry);
        else entries.set(cache, [entry]);
      }
      const last = page.kvs.at(-1);
      if (!page.more || !last) break;
      key = `${last.key}\0`;
    }
    for (const cache of this.#caches.values()) cache.replace(entries.get(cache) ?? [], revision);
    this.#revision = revision;
    this.#wake();
  }

  async #read(cache: ResourceCache): Promise<{ entries: Entry[]; revision: number }> {
    const prefix = `${cache.prefix}/`;
    const { kvs, revision } = await this.#options.store.range({
      key: prefix,
      rangeEnd: prefixEnd(prefix),
    });
    const entries = kvs.flatMap((kv) => this.#decoded(cache, kv) ?? []);
    return { entries, revision };
  }

  /** The store's watch broke off: everything is read again, and the difference told. */
  #lost(error: StoreError): void {
    const { signal } = this.#stop;
    this.#isFollowing = false;
    if (signal.aborted) return;
    this.#options.log.warn('The watch on the store broke off; reading everything again', { error });
    this.#reload = this.#readAgain(signal);
  }

  async #readAgain(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#load();
        if (!signal.aborted) this.#follow();
        return;
      } catch (error) {
        this.#options.log.error('The store cannot be read; trying again', { error });
        const pause = Math.min(100 * 2 ** failures, 5_000);
        await sleep(this.#options.clock, pause, signal).catch(() => {}); // stopped meanwhile: the loop's condition ends it
      }
    }
  }

  #planBookmarks(): void {
    const { clock } = this.#options;
    this.#bookmarks = clock.after(bookmarkPeriodMs, () => {
      for (const { watchers, log } of this.#caches.values()) {
        watchers.bookmark(this.#revision);
        log.forget(clock.now());
      }
      this.#planBookmarks();
    });
  }
}

/** Namespace and name from a key; the namespace is '' for cluster-scoped kinds. */
export function identityOf(cache: ResourceCache, key: string): readonly [string, string] {
  const path = key.slice(cache.prefix.length + 1);
  const slash = cache.isNamespaced ? path.indexOf('/') : -1;
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}

/** The caches as admission, authorizers and authenticators see them. */
export function objectCacheOf(
  cacheOf: (resource: Parameters<ObjectCache['get']>[0]) => ResourceCache | undefined,
): ObjectCache {
  const required = (resource: Parameters<ObjectCache['get']>[0]): ResourceCache => {
    const cache = cacheOf(resource);
    if (!cache) throw new Error(`${resource.plural} are not kept in the store`);
    return cache;
  };
  return {
    get: (resource, { namespace = '', name }) =>
      required(resource).get(namespace, name)?.object as never,
    *list(resource, namespace) {
      for (const { object } of required(resource).values(namespace)) yield object as never;
    },
    subscribe: (resource, receive) => required(resource).subscribe(receive as never),
  };
}
