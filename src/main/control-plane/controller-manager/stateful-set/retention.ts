import { statefulSets } from '#shared/api/apps/stateful-set.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { StatefulSet } from '#shared/api/types/apps-v1.ts';
import type { PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import { groupVersionOf, type ResourceId } from '#shared/kube/resource.ts';
import type { OwnerReference } from '#shared/kube/types/meta-v1.ts';
import { isInRange, parentAndOrdinal } from './identity.ts';

interface Owner {
  readonly metadata: { readonly name: string; readonly uid?: string };
}

const podKind = pods;
const setKind = statefulSets;

function policyOf({ spec }: StatefulSet): { deletesWithSet: boolean; deletesWithPod: boolean } {
  const { whenDeleted, whenScaled } = spec.persistentVolumeClaimRetentionPolicy ?? {};
  return { deletesWithSet: whenDeleted === 'Delete', deletesWithPod: whenScaled === 'Delete' };
}

export const retainsOnScale = (set: StatefulSet): boolean => !policyOf(set).deletesWithPod;

/** The claim belongs to another pod of the same name that is going away. */
export function isStale(claim: PersistentVolumeClaim, pod: Owner): boolean {
  return hasStale(claim, pod, podKind);
}

/** True if somebody else controls the claim, so that the policy cannot be kept. */
export function hasUnexpectedController(
  claim: PersistentVolumeClaim,
  set: StatefulSet,
  pod: Owner,
): boolean {
  const { deletesWithSet, deletesWithPod } = policyOf(set);
  if (!deletesWithSet && !deletesWithPod) return false;
  return referencesOf(claim).some((reference) => {
    if (refersTo(reference, set, setKind)) return reference.uid !== set.metadata.uid;
    if (refersTo(reference, pod, podKind)) return reference.uid !== pod.metadata.uid;
    return reference.controller === true;
  });
}

/** True if the claim's owners are what the set's retention policy wants them to be. */
export function isRetentionKept(
  claim: PersistentVolumeClaim,
  set: StatefulSet,
  pod: Owner,
): boolean {
  if (hasStale(claim, set, setKind) || hasStale(claim, pod, podKind)) return true;
  const ownedBySet = isOwnedBy(claim, set);
  const ownedByPod = isOwnedBy(claim, pod);
  if (hasUnexpectedController(claim, set, pod)) return !ownedBySet && !ownedByPod;
  const isMisowned = referencesOf(claim).some(
    ({ uid, controller }) =>
      (uid === set.metadata.uid || uid === pod.metadata.uid) && controller !== true,
  );
  if (isMisowned) return false;
  const wanted = wantedOwners(set, pod);
  return ownedBySet === wanted.set && ownedByPod === wanted.pod;
}

/** The references that keep the policy. */
export function retentionReferences(
  claim: PersistentVolumeClaim,
  set: StatefulSet,
  pod: Owner,
): readonly OwnerReference[] {
  const others = referencesOf(claim).filter(
    (reference) => !refersTo(reference, set, setKind) && !refersTo(reference, pod, podKind),
  );
  if (hasUnexpectedController(claim, set, pod)) return others;
  const wanted = wantedOwners(set, pod);
  return [
    ...others,
    ...(wanted.pod ? [referenceTo(pod, podKind)] : []),
    ...(wanted.set ? [referenceTo(set, setKind)] : []),
  ];
}

function wantedOwners(set: StatefulSet, pod: Owner): { set: boolean; pod: boolean } {
  const { deletesWithSet, deletesWithPod } = policyOf(set);
  const isScaledDown = !isInRange(set, parentAndOrdinal(pod.metadata.name).ordinal);
  const byPod = deletesWithPod && isScaledDown;
  return { set: deletesWithSet && !byPod, pod: byPod };
}

const referencesOf = (claim: PersistentVolumeClaim): readonly OwnerReference[] =>
  claim.metadata.ownerReferences ?? [];

function refersTo(
  { apiVersion, kind, name }: OwnerReference,
  owner: Owner,
  resource: ResourceId,
): boolean {
  return (
    apiVersion === groupVersionOf(resource) &&
    kind === resource.kind &&
    name === owner.metadata.name
  );
}

function hasStale(claim: PersistentVolumeClaim, owner: Owner, resource: ResourceId): boolean {
  const reference = referencesOf(claim).find((one) => refersTo(one, owner, resource));
  return reference !== undefined && reference.uid !== owner.metadata.uid;
}

function isOwnedBy(claim: PersistentVolumeClaim, owner: Owner): boolean {
  return referencesOf(claim).some(({ uid }) => uid === owner.metadata.uid);
}

function referenceTo(owner: Owner, resource: ResourceId): OwnerReference {
  return {
    apiVersion: groupVersionOf(resource),
    kind: resource.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}
