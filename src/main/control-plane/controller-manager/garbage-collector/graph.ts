import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import type { OwnerReference } from '#shared/kube/types/meta-v1.ts';

export const orphanFinalizer = 'orphan';
export const foregroundFinalizer = 'foregroundDeletion';

/** One object as the graph sees it: where it is, and its newest state. */
export interface Item {
  readonly kind: Resource;
  readonly object: KubeObject;
}

export function has({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata.finalizers?.includes(finalizer) ?? false;
}

/** Waits for its dependents to go before it goes itself. */
export function isDeletingDependents({ object }: Item): boolean {
  return object.metadata.deletionTimestamp !== undefined && has(object, foregroundFinalizer);
}

export function isOrphaning(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined && has(object, orphanFinalizer);
}

export const ownersOf = ({ metadata }: KubeObject): readonly OwnerReference[] =>
  metadata.ownerReferences ?? [];

/** Who owns whom, by uid, over all kinds. */
export class Graph {
  readonly #items = new Map<string, Item>();
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): Item | undefined {
    return this.#items.get(uid);
  }

  put(kind: Resource, object: KubeObject): void {
    const { uid } = object.metadata;
    const before = this.#items.get(uid)?.object;
    this.#items.set(uid, { kind, object });
    const owners = ownersOf(object);
    if (before && ownersOf(before) === owners) return;
    if (before) this.#unlink(before);
    for (const owner of owners) {
      const dependents = this.#dependents.get(owner.uid);
      if (dependents) dependents.add(uid);
      else this.#dependents.set(owner.uid, new Set([uid]));
    }
  }

  remove(object: KubeObject): void {
    const known = this.#items.get(object.metadata.uid);
    if (known) this.#unlink(known.object);
    this.#items.delete(object.metadata.uid);
  }

  dependentsOf(uid: string): Item[] {
    const found: Item[] = [];
    for (const dependent of this.#dependents.get(uid) ?? []) {
      const item = this.#items.get(dependent);
      if (item) found.push(item);
    }
    return found;
  }

  dependentUids(uid: string): Iterable<string> {
    return this.#dependents.get(uid) ?? [];
  }

  /** Those that the owner may not go before, as they are asked for. */
  *blockingDependents(uid: string): Iterable<Item> {
    for (const dependent of this.dependentUids(uid)) {
      const item = this.#items.get(dependent);
      const isBlocking = (owner: OwnerReference): boolean =>
        owner.uid === uid && owner.blockOwnerDeletion === true;
      if (item && ownersOf(item.object).some(isBlocking)) yield item;
    }
  }

  hasBlockingDependents(uid: string): boolean {
    for (const _ of this.blockingDependents(uid)) return true;
    return false;
  }

  #unlink(object: KubeObject): void {
    for (const owner of ownersOf(object)) {
      const dependents = this.#dependents.get(owner.uid);
      dependents?.delete(object.metadata.uid);
      if (dependents?.size === 0) this.#dependents.delete(owner.uid);
    }
  }
}
