import type { KeyValue, RangeRequest, RangeResponse } from './store.ts';

/** A state of the store that ranges can be read from. `to` is exclusive; without it: no end. */
export interface View {
  get(key: string): KeyValue | undefined;
  count(from: string, to?: string): number;
  collect(from: string, to?: string, limit?: number): KeyValue[];
}

const noValue: Uint8Array = Buffer.alloc(0);

/** etcd's spelling of "no end", and ours. */
export function endOf(rangeEnd: string): string | undefined {
  return rangeEnd === '\0' ? undefined : rangeEnd;
}

/** Answers a range from one state of the store, in the order in which etcd applies its options. */
export function select(view: View, request: RangeRequest, revision: number): RangeResponse {
  const { key, rangeEnd, limit = 0, countOnly = false } = request;
  if (rangeEnd === undefined) {
    const kv = view.get(key);
    if (kv === undefined) return { kvs: [], count: 0, more: false, revision };
    if (countOnly) return { kvs: [], count: 1, more: false, revision };
    if (!isPlain(request)) return refine([kv], request, { count: 1, revision });
    return { kvs: [kv], count: 1, more: false, revision };
  }
  const to = endOf(rangeEnd);
  const count = view.count(key, to);
  if (countOnly) return { kvs: [], count, more: false, revision };
  if (!isPlain(request)) return refine(view.collect(key, to), request, { count, revision });
  const kvs = view.collect(key, to, limit > 0 ? limit : Infinity);
  return { kvs, count, more: count > kvs.length, revision };
}

/** Nothing that would need every key-value of the range, or change it. */
function isPlain(request: RangeRequest): boolean {
  const { sortBy, descending, keysOnly, minModRevision, maxModRevision } = request;
  return (
    keysOnly !== true &&
    descending !== true &&
    (sortBy === undefined || sortBy === 'key') &&
    !minModRevision &&
    !maxModRevision &&
    !request.minCreateRevision &&
    !request.maxCreateRevision
  );
}

function refine(
  all: KeyValue[],
  request: RangeRequest,
  { count, revision }: { readonly count: number; readonly revision: number },
): RangeResponse {
  const { sortBy = 'key', descending = false, limit = 0, keysOnly = false } = request;
  let kvs = all.filter((kv) => isWithin(kv, request));
  if (sortBy !== 'key') kvs.sort(orders[sortBy]);
  if (descending) kvs.reverse();
  const more = limit > 0 && kvs.length > limit;
  if (more) kvs = kvs.slice(0, limit);
  if (keysOnly) kvs = kvs.map((kv) => ({ ...kv, value: noValue }));
  return { kvs, count, more, revision };
}

function isWithin(kv: KeyValue, request: RangeRequest): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return (
    (!minModRevision || kv.modRevision >= minModRevision) &&
    (!maxModRevision || kv.modRevision <= maxModRevision) &&
    (!minCreateRevision || kv.createRevision >= minCreateRevision) &&
    (!maxCreateRevision || kv.createRevision <= maxCreateRevision)
  );
}

const orders = {
  version: (a: KeyValue, b: KeyValue) => a.version - b.version,
  create: (a: KeyValue, b: KeyValue) => a.createRevision - b.createRevision,
  mod: (a: KeyValue, b: KeyValue) => a.modRevision - b.modRevision,
  value: (a: KeyValue, b: KeyValue) => Buffer.compare(a.value, b.value),
};

/** A past state: the present one, with what has changed since taken back. */
export class PastView implements View {
  readonly #now: View;
  /** How each key that has changed since was then; `undefined` if it was not there. */
  readonly #before: ReadonlyMap<string, KeyValue | undefined>;

  constructor(now: View, before: ReadonlyMap<string, KeyValue | undefined>) {
    this.#now = now;
    this.#before = before;
  }

  get(key: string): KeyValue | undefined {
    return this.#before.has(key) ? this.#before.get(key) : this.#now.get(key);
  }

  count(from: string, to?: string): number {
    let count = this.#now.count(from, to);
    for (const [key, before] of this.#before) {
      if (key < from || (to !== undefined && key >= to)) continue;
      if (before) count++;
      if (this.#now.get(key)) count--;
    }
    return count;
  }

  collect(from: string, to?: string, limit = Infinity): KeyValue[] {
    const changed = [...this.#before].filter(
      ([key]) => key >= from && (to === undefined || key < to),
    );
    const now = this.#now.collect(from, to, limit + changed.length);
    const kvs = now.filter(({ key }) => !this.#before.has(key));
    for (const [, before] of changed) if (before) kvs.push(before);
    kvs.sort(byKey);
    return kvs.length > limit ? kvs.slice(0, limit) : kvs;
  }
}

export function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
