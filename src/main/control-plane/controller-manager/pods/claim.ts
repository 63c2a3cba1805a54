import type { ReconcileContext, Trigger, Wake } from '#shared/kube/controller.ts';
import { trigger } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf, type KubeObject } from '#shared/kube/object.ts';
import { controllerOf, controllerReference } from '#shared/kube/owners.ts';
import type { Resource } from '#shared/kube/resource.ts';
import { nothing, selectorOf, type Selector } from '#shared/kube/selectors.ts';
import type { LabelSelector } from '#shared/kube/types/meta-v1.ts';
import { isEqual } from '../values.ts';

const compiled = new WeakMap<LabelSelector, Selector>();

/** The selector, compiled once per object. */
export function compiledSelector(selector: LabelSelector | undefined): Selector {
  if (!selector) return nothing;
  let known = compiled.get(selector);
  if (!known) {
    known = selectorOf(selector);
    compiled.set(selector, known);
  }
  return known;
}

export interface Claim<O extends KubeObject, T extends KubeObject> {
  readonly owner: O;
  readonly ownerKind: Resource<O>;
  readonly selector: Selector;
  readonly of: Resource<T>;
  /** Which ones matter at all; others are neither adopted nor released nor returned. */
  filter?(object: T): boolean;
  /** More to write into what is adopted. */
  readonly adoption?: { readonly finalizers: readonly string[] };
}

/**
 * What the owner controls and selects, after adopting matching orphans and releasing what no longer
 * matches: upstream's ControllerRefManager. An owner that is being deleted neither adopts nor
 * releases.
 */
export async function claim<O extends KubeObject, T extends KubeObject>(
  { owner, ownerKind, selector, of, filter = () => true, adoption }: Claim<O, T>,
  { cache, cluster }: ReconcileContext,
): Promise<T[]> {
  const claimed: T[] = [];
  const { uid, namespace, deletionTimestamp } = owner.metadata;
  const writes: Promise<void>[] = [];
  for (const object of cache.ownedBy(of, uid)) {
    if (!filter(object)) continue;
    if (selector.matches(object.metadata.labels)) claimed.push(object);
    else if (!deletionTimestamp) writes.push(release(object));
  }
  if (!deletionTimestamp)
    for (const object of cache.orphans(of, namespace!)) {
      if (object.metadata.deletionTimestamp || !filter(object)) continue;
      if (selector.matches(object.metadata.labels)) writes.push(adopt(object));
    }
  if (writes.length > 0) await Promise.all(writes);
  return claimed;

  async function adopt(object: T): Promise<void> {
    const { name } = object.metadata;
    await recheck();
    const metadata = {
      ownerReferences: [controllerReference(ownerKind, owner)],
      uid: object.metadata.uid,
      ...(adoption && { finalizers: adoption.finalizers }),
    };
    try {
      await cluster.patch(of, { namespace, name }, { type: 'strategic', body: { metadata } });
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return;
      throw error;
    }
    claimed.push(object);
  }

  /** The owner may have been deleted since the cache saw it; then it must not adopt. */
  async function recheck(): Promise<void> {
    const fresh = await cluster.get(ownerKind, { namespace, name: owner.metadata.name });
    if (fresh.metadata.uid !== uid)
      throw new Error(
        `original ${ownerKind.kind} ${keyOf(owner.metadata)} is gone: got uid ${fresh.metadata.uid}, wanted ${uid}`,
      );
    if (fresh.metadata.deletionTimestamp)
      throw new Error(
        `${keyOf(owner.metadata)} has just been deleted at ${fresh.metadata.deletionTimestamp}`,
      );
  }

  async function release(object: T): Promise<void> {
    const { name } = object.metadata;
    const ownerReferences = [{ $patch: 'delete', uid }];
    const $deleteFinalizers = adoption && {
      '$deleteFromPrimitiveList/finalizers': adoption.finalizers,
    };
    const body = { metadata: { uid: object.metadata.uid, ownerReferences, ...$deleteFinalizers } };
    try {
      await cluster.patch(of, { namespace, name }, { type: 'strategic', body });
    } catch (error) {
      // Gone, or another object by the same name: nothing is left to release.
      if (!ApiError.is(error, 'NotFound', 'Invalid', 'Conflict')) throw error;
    }
  }
}

/** Wakes every owner of the namespace that could adopt an orphan which appeared or changed labels. */
export function orphanTrigger<O extends KubeObject, T extends KubeObject>(
  of: Resource<T>,
  owners: Resource<O>,
  selectorOfOwner: (owner: O) => Selector | undefined,
): Trigger {
  return trigger(of, ({ before, after }, cache) => {
    if (!after || after.metadata.deletionTimestamp || controllerOf(after.metadata)) return [];
    if (
      before &&
      !controllerOf(before.metadata) &&
      isEqual(before.metadata.labels, after.metadata.labels)
    )
      return [];
    const wakes: Wake[] = [];
    for (const owner of cache.inNamespace(owners, after.metadata.namespace!)) {
      const selector = selectorOfOwner(owner);
      if (selector && !selector.isEverything && selector.matches(after.metadata.labels))
        wakes.push(keyOf(owner.metadata));
    }
    return wakes;
  });
}
