import type { ObjectMeta } from '#shared/kube/types/meta-v1.ts';
import type { Lister } from './listers.ts';

/**
 * Objects as the scheduler has decided to change them, seen instead of the lister's until the lister
 * has a newer version than the one the decision was made on.
 */
export class AssumedObjects<T extends { readonly metadata: ObjectMeta }> {
  readonly #lister: Lister<T>;
  readonly #assumed = new Map<string, { readonly base: T; readonly object: T }>();

  constructor(lister: Lister<T>) {
    this.#lister = lister;
  }

  get(key: string): T | undefined {
    const live = this.#lister.get(key);
    return live && this.#newest(key, live);
  }

  /** The objects of an index of the lister, with what is assumed of them. */
  *by(index: string, value: string): Iterable<T> {
    for (const live of this.#lister.by(index, value)) {
      const { namespace, name } = live.metadata;
      yield this.#newest(namespace ? `${namespace}/${name}` : name, live);
    }
  }

  assume(key: string, object: T): void {
    const base = this.#lister.get(key);
    if (base) this.#assumed.set(key, { base, object });
  }

  restore(key: string): void {
    this.#assumed.delete(key);
  }

  #newest(key: string, live: T): T {
    const entry = this.#assumed.get(key);
    if (!entry) return live;
    if (entry.base === live) return entry.object;
    this.#assumed.delete(key);
    return live;
  }
}
