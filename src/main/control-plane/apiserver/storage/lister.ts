import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import {
  type DecodeValue,
  type WatchCache,
} from '#main/control-plane/apiserver/storage/watch-cache.ts';
import { storedEntry } from '#main/control-plane/apiserver/storage/entry.ts';
import {
  decodeContinue,
  encodeContinue,
} from '#main/control-plane/apiserver/storage/continue-token.ts';
import {
  parseRevision,
  type ListOptions,
} from '#main/control-plane/apiserver/storage/list-options.ts';
import { keyFor } from '#main/control-plane/apiserver/storage/object-store.ts';
import type { ResourceCache } from '#main/control-plane/apiserver/storage/resource-cache.ts';
import { isUnselective } from '#main/control-plane/apiserver/storage/selection.ts';
import { isSelected, type Selection } from '#main/control-plane/apiserver/storage/watcher-index.ts';
import { prefixEnd, StoreError, type Store } from '#main/control-plane/etcd/store.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface ListPage {
  readonly entries: readonly Entry[];
  /** The store's revision that the list is of. */
  readonly revision: number;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface ListerOptions {
  readonly store: Store;
  readonly cache: WatchCache;
  readonly decode: DecodeValue;
}

/** Lists from memory; only a past that memory has forgotten is read from the store. */
export class Lister {
  readonly #options: ListerOptions;

  constructor(options: ListerOptions) {
    this.#options = options;
  }

  async list(cache: ResourceCache, selection: Selection, options: ListOptions): Promise<ListPage> {
    if (options.continue) return this.#continued(cache, selection, options);
    const wanted = parseRevision(options.resourceVersion, { isList: true });
    const isExact =
      options.resourceVersionMatch === 'Exact' ||
      (options.resourceVersionMatch === '' && options.limit > 0 && wanted > 0);
    if (options.resourceVersion === '') await this.#freshen();
    else await this.#reach(wanted);
    if (isExact && wanted < this.#options.cache.revision) {
      const entries = await this.#past(cache, selection, wanted);
      return page(cache, { entries, revision: wanted, selection }, options);
    }
    const { revision } = this.#options.cache;
    return page(cache, { entries: present(cache, selection), revision, selection }, options);
  }

  /** A real etcd may know more than has reached us; the embedded store never does. */
  async #freshen(): Promise<void> {
    await this.#options.cache.behind();
  }

  async #reach(wanted: number): Promise<void> {
    if (wanted <= this.#options.cache.revision) return;
    await this.#freshen();
    if (wanted <= this.#options.cache.revision) return;
    throw new ApiError(
      'Timeout',
      `Too large resource version: ${wanted}, current: ${this.#options.cache.revision}`,
      {
        causes: [
          { type: 'ResourceVersionTooLarge', field: '', message: 'Too large resource version' },
        ],
        details: { retryAfterSeconds: 1 },
      },
    );
  }

  async #continued(
    cache: ResourceCache,
    selection: Selection,
    options: ListOptions,
  ): Promise<ListPage> {
    if (options.resourceVersion && options.resourceVersion !== '0') {
      throw new ApiError(
        'BadRequest',
        'specifying resource version is not allowed when using continue',
      );
    }
    const token = decodeContinue(options.continue);
    const start = `${rangePrefix(cache, selection)}${token.start}`;
    if (token.revision < 0) {
      await this.#freshen();
      const { revision } = this.#options.cache;
      return page(
        cache,
        { entries: present(cache, selection), revision, selection, start },
        options,
      );
    }
    const revision = token.revision;
    try {
      const entries =
        revision >= this.#options.cache.revision
          ? present(cache, selection)
          : await this.#past(cache, selection, revision);
      return page(cache, { entries, revision, selection, start }, options);
    } catch (error) {
      if (!ApiError.is(error, 'Expired')) throw error;
      throw expiredContinue(token.start, options);
    }
  }

  /** The state as of `revision`, in key order. */
  async #past(
    cache: ResourceCache,
    selection: Selection,
    revision: number,
  ): Promise<readonly Entry[]> {
    await this.#checkKept(revision);
    const events = cache.log.since(revision);
    if (!events) return this.#fromStore(cache, selection, revision);
    if (events.length === 0) return present(cache, selection);
    const before = new Map<string, Entry | undefined>();
    for (const { entry, previous } of events) {
      const { namespace, name } = (entry ?? previous)!;
      const key = keyFor(cache, namespace, name);
      if (!before.has(key)) before.set(key, previous);
    }
    const entries = new Map<string, Entry>();
    for (const entry of present(cache, selection)) {
      const key = keyFor(cache, entry.namespace, entry.name);
      if (!before.has(key)) entries.set(key, entry);
    }
    for (const [key, entry] of before) if (entry) entries.set(key, entry);
    return [...entries.keys()].sort().map((key) => entries.get(key)!);
  }

  /** What the store has forgotten is not told, though it may still be known here. */
  async #checkKept(revision: number): Promise<void> {
    try {
      await this.#options.store.range({ key: '/', countOnly: true, revision });
    } catch (error) {
      throw asExpired(error);
    }
  }

  async #fromStore(
    cache: ResourceCache,
    selection: Selection,
    revision: number,
  ): Promise<readonly Entry[]> {
    const key = rangePrefix(cache, selection);
    try {
      const { kvs } = await this.#options.store.range({ key, rangeEnd: prefixEnd(key), revision });
      return kvs.map((kv) => storedEntry(cache, this.#options.decode(cache, kv), kv.modRevision));
    } catch (error) {
      throw asExpired(error);
    }
  }
}

function asExpired(error: unknown): unknown {
  if (!StoreError.is(error, 'compacted')) return error;
  return new ApiError('Expired', `The resourceVersion for the provided list is too old.`, {
    cause: error,
  });
}

function present(cache: ResourceCache, selection: Selection): readonly Entry[] {
  if (!selection.isOneObject) return cache.sorted(selection.namespace);
  const entry = cache.get(selection.namespace, selection.name!);
  return entry ? [entry] : [];
}

/** Cuts one page out of all entries (of the namespace) in key order. */
function page(
  cache: ResourceCache,
  source: {
    readonly entries: readonly Entry[];
    readonly revision: number;
    readonly selection: Selection;
    /** The first key that may be in the page. */
    readonly start?: string;
  },
  { limit }: ListOptions,
): ListPage {
  const { entries, revision, selection, start } = source;
  const first = start === undefined ? 0 : firstFrom(cache, entries, start);
  const takesAll = isUnselective(selection);
  if (takesAll && first === 0 && (limit <= 0 || entries.length <= limit)) {
    if (entries.every((entry) => isInNamespace(entry, selection))) return { entries, revision };
  }
  const taken: Entry[] = [];
  let at = first;
  for (; at < entries.length; at++) {
    if (limit > 0 && taken.length === limit) break;
    const entry = entries[at]!;
    if (isSelected(entry, selection)) taken.push(entry);
  }
  if (at >= entries.length) return { entries: taken, revision };
  const last = entries[at - 1]!;
  const lastKey = keyFor(cache, last.namespace, last.name);
  const prefix = rangePrefix(cache, selection);
  return {
    entries: taken,
    revision,
    continue: encodeContinue({ revision, start: `${lastKey.slice(prefix.length)}\0` }),
    ...(takesAll && { remainingItemCount: entries.length - at }),
  };
}

function isInNamespace(entry: Entry, { namespace }: Selection): boolean {
  return !namespace || entry.namespace === namespace;
}

function firstFrom(cache: ResourceCache, entries: readonly Entry[], start: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { namespace, name } = entries[middle]!;
    if (keyFor(cache, namespace, name) >= start) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Where the keys of a list begin; continue tokens are relative to it, as upstream's. */
function rangePrefix(cache: ResourceCache, { namespace }: Selection): string {
  return namespace ? `${cache.prefix}/${namespace}/` : `${cache.prefix}/`;
}

function expiredContinue(start: string, { resourceVersionMatch }: ListOptions): ApiError {
  if (resourceVersionMatch) {
    return new ApiError('Expired', 'The provided continue parameter is too old');
  }
  return new ApiError(
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    { listMeta: { continue: encodeContinue({ revision: -1, start }) } },
  );
}
