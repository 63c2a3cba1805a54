import { encodeObject, Entry, storedEntry } from '#main/control-plane/apiserver/storage/entry.ts';
import type { ResourceCache } from '#main/control-plane/apiserver/storage/resource-cache.ts';
import type {
  DecodeValue,
  PendingWrite,
  WatchCache,
} from '#main/control-plane/apiserver/storage/watch-cache.ts';
import {
  StoreError,
  type KeyValue,
  type Operation,
  type Store,
  type TxnResponse,
} from '#main/control-plane/etcd/store.ts';
import type { Clock } from '#shared/base/clock.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** Either it is written, or `current` is there instead (nothing, if it is gone). */
export type WriteResult =
  | { readonly isWritten: true; readonly entry: Entry }
  | { readonly isWritten: false; readonly current: Entry | undefined };

export interface ObjectStoreOptions {
  readonly store: Store;
  readonly cache: WatchCache;
  readonly clock: Clock;
  readonly decode: DecodeValue;
}

const leaseReuseMs = 60_000;

/** Compare-and-swap on objects. What it returns is in the watch cache already. */
export class ObjectStore {
  readonly #options: ObjectStoreOptions;
  readonly #leases = new Map<number, { readonly id: Promise<bigint>; readonly until: number }>();

  constructor(options: ObjectStoreOptions) {
    this.#options = options;
  }

  /** Takes the object over. */
  async create(cache: ResourceCache, object: KubeObject): Promise<WriteResult> {
    const key = keyFor(cache, object.metadata.namespace, object.metadata.name);
    return this.#put(cache, { key, object, revision: 0 });
  }

  /** Takes the object over; it replaces exactly `current`. A change of nothing is no write. */
  async update(cache: ResourceCache, current: Entry, object: KubeObject): Promise<WriteResult> {
    const key = keyFor(cache, current.namespace, current.name);
    return this.#put(cache, { key, object, revision: current.revision, current });
  }

  /** Deletes exactly `current`; the entry that comes back is its last state at the deletion's revision. */
  async delete(cache: ResourceCache, current: Entry): Promise<WriteResult> {
    const key = keyFor(cache, current.namespace, current.name);
    const response = await this.#commit(key, current.revision, { type: 'delete', key });
    if (!response.succeeded) return { isWritten: false, current: this.#current(cache, response) };
    await this.#options.cache.reached(response.revision);
    return { isWritten: true, entry: current.at(response.revision) };
  }

  async #put(
    cache: ResourceCache,
    put: {
      readonly key: string;
      readonly object: KubeObject;
      readonly revision: number;
      readonly current?: Entry;
    },
  ): Promise<WriteResult> {
    const { key, object, revision, current } = put;
    const write: PendingWrite = encodeObject(cache.form, object);
    if (current?.value.equals(write.value)) return { isWritten: true, entry: current };
    const { ttlSeconds } = cache.options;
    const lease = ttlSeconds && (await this.#lease(ttlSeconds));
    const done = this.#options.cache.expect(key, write);
    try {
      const response = await this.#commit(key, revision, {
        type: 'put',
        key,
        value: write.value,
        ...(lease && { lease }),
      });
      if (!response.succeeded) return { isWritten: false, current: this.#current(cache, response) };
      await this.#options.cache.reached(response.revision);
      write.entry ??= new Entry(cache.form, write, response.revision);
      return { isWritten: true, entry: write.entry };
    } finally {
      done();
    }
  }

  async #commit(key: string, revision: number, operation: Operation): Promise<TxnResponse> {
    try {
      return await this.#options.store.txn({
        compare: [{ key, target: 'mod', result: '=', value: revision }],
        success: [operation],
        failure: [{ type: 'range', key }],
      });
    } catch (error) {
      throw storeFailure(error);
    }
  }

  #current(cache: ResourceCache, { responses }: TxnResponse): Entry | undefined {
    const [range] = responses;
    if (range?.type !== 'range') throw new Error('The store answered a range with something else');
    const [kv] = range.kvs;
    return kv && this.#entryOf(cache, kv);
  }

  #entryOf(cache: ResourceCache, kv: KeyValue): Entry {
    return storedEntry(cache, this.#options.decode(cache, kv), kv.modRevision);
  }

  /** Many short-lived objects share one lease, as upstream's lease manager does. */
  async #lease(ttlSeconds: number): Promise<bigint> {
    const now = this.#options.clock.elapsed();
    const known = this.#leases.get(ttlSeconds);
    if (known && known.until > now) return known.id;
    const reuseSeconds = Math.min(leaseReuseMs / 1000, Math.ceil(ttlSeconds / 20));
    const id = this.#options.store.grantLease(ttlSeconds + reuseSeconds).then((lease) => lease.id);
    this.#leases.set(ttlSeconds, { id, until: now + reuseSeconds * 1000 });
    id.catch(() => this.#leases.delete(ttlSeconds)); // the caller gets the error; the next one tries anew
    return id;
  }
}

export function keyFor(cache: ResourceCache, namespace: string | undefined, name: string): string {
  return cache.isNamespaced
    ? `${cache.prefix}/${namespace ?? ''}/${name}`
    : `${cache.prefix}/${name}`;
}

/** The store's own refusals in the words of upstream's API server. */
export function storeFailure(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  const options = { cause: error };
  if (error.code === 'requestTooLarge') {
    return new ApiError('RequestEntityTooLarge', 'etcdserver: request is too large', options);
  }
  if (error.code === 'noSpace') {
    return new ApiError('', 'etcdserver: mvcc: database space exceeded', options);
  }
  if (error.code === 'unavailable' || error.code === 'stopped') {
    const message = `The store is not available: ${error.message}`;
    return new ApiError('ServiceUnavailable', message, options);
  }
  return new ApiError('InternalError', `Internal error occurred: ${error.message}`, options);
}
