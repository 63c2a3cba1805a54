import { KeyIndex } from './key-index.ts';
import { byKey, type View } from './select.ts';
import type { KeyValue, StoreEvent } from './store.ts';

/**
 * The newest state, which transactions are decided on: what is durable, and above it what has been
 * decided but not yet been written to disk. Deletions are held as key-values of version 0.
 */
export class Head implements View {
  readonly durable = new KeyIndex();
  /** Set when an answer depended on something that is not durable yet; reset by the asker. */
  sawPending = false;
  readonly #pending = new Map<string, KeyValue>();

  get(key: string): KeyValue | undefined {
    if (this.#pending.size > 0) {
      const kv = this.#pending.get(key);
      if (kv) {
        this.sawPending = true;
        return kv.version === 0 ? undefined : kv;
      }
    }
    return this.durable.get(key);
  }

  count(from: string, to?: string): number {
    let count = this.durable.count(from, to);
    for (const kv of this.#pendingIn(from, to)) {
      const before = this.durable.get(kv.key);
      if (before && kv.version === 0) count--;
      if (!before && kv.version !== 0) count++;
    }
    return count;
  }

  collect(from: string, to?: string, limit = Infinity): KeyValue[] {
    const pending = this.#pendingIn(from, to);
    if (pending.length === 0) return this.durable.collect(from, to, limit);
    const kvs = this.durable
      .collect(from, to, limit + pending.length)
      .filter(({ key }) => !this.#pending.has(key));
    for (const kv of pending) if (kv.version !== 0) kvs.push(kv);
    kvs.sort(byKey);
    return kvs.length > limit ? kvs.slice(0, limit) : kvs;
  }

  decide({ kv }: StoreEvent): void {
    this.#pending.set(kv.key, kv);
  }

  /** What was decided has become durable. */
  settle({ type, kv }: StoreEvent): void {
    if (type === 'delete') this.durable.delete(kv.key);
    else this.durable.set(kv);
    if (this.#pending.get(kv.key) === kv) this.#pending.delete(kv.key);
  }

  /** Takes back everything that is not durable. */
  rollBack(): void {
    this.#pending.clear();
  }

  pending(): Iterable<KeyValue> {
    return this.#pending.values();
  }

  #pendingIn(from: string, to: string | undefined): KeyValue[] {
    const found: KeyValue[] = [];
    if (this.#pending.size === 0) return found;
    for (const kv of this.#pending.values()) {
      if (kv.key >= from && (to === undefined || kv.key < to)) found.push(kv);
    }
    if (found.length > 0) this.sawPending = true;
    return found;
  }
}
