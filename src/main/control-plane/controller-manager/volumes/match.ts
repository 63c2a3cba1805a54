import type { PersistentVolume, PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import {
  compareQuantities,
  mustParse,
  zeroQuantity,
  type Quantity,
} from '#shared/kube/quantity.ts';
import { compiledSelector } from '../pods/claim.ts';

export const boundByController = 'pv.kubernetes.io/bound-by-controller';
export const bindCompleted = 'pv.kubernetes.io/bind-completed';
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** The class that a claim or volume asks for; '' for none. */
export function classOf({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string {
  return metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? '';
}

export function hasClass({ metadata, spec }: PersistentVolumeClaim): boolean {
  return (
    metadata.annotations?.[classAnnotation] !== undefined || spec.storageClassName !== undefined
  );
}

/** The volume refers to this claim, by uid if it knows it already. */
export function isBoundTo(
  { spec: { claimRef } }: PersistentVolume,
  { metadata }: PersistentVolumeClaim,
): boolean {
  if (claimRef?.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false;
  return !claimRef.uid || claimRef.uid === metadata.uid;
}

const sizeOf = ({ spec }: PersistentVolume): Quantity => amount(spec.capacity?.['storage']);
const requestOf = ({ spec }: PersistentVolumeClaim): Quantity =>
  amount(spec.resources?.requests?.['storage']);

function amount(text: string | undefined): Quantity {
  return text === undefined ? zeroQuantity : mustParse(text);
}

export function hasOtherMode(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  return (claim.spec.volumeMode ?? 'Filesystem') !== (volume.spec.volumeMode ?? 'Filesystem');
}

function hasAccessModes(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  const offered = volume.spec.accessModes ?? [];
  return (claim.spec.accessModes ?? []).every((mode) => offered.includes(mode));
}

/** The volume bound to the claim already, or the smallest that suits it. */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: Iterable<PersistentVolume>,
  isDelayed: boolean,
): PersistentVolume | undefined {
  const suitable = [...volumes].filter(
    (volume) => hasAccessModes(claim, volume) && couldHold(claim, volume),
  );
  const own = suitable.find((volume) => isBoundTo(volume, claim));
  if (own || isDelayed) return own;
  const { selector } = claim.spec;
  const free = suitable.filter(
    ({ status, metadata, spec }) =>
      !spec.claimRef &&
      status.phase === 'Available' &&
      (!selector || compiledSelector(selector).matches(metadata.labels)),
  );
  // Those with the fewest access modes first, then the smallest, then by name.
  return free
    .filter((volume) => classOf(volume) === classOf(claim))
    .sort(
      (a, b) =>
        (a.spec.accessModes?.length ?? 0) - (b.spec.accessModes?.length ?? 0) ||
        compareQuantities(sizeOf(a), sizeOf(b)) ||
        (a.metadata.name < b.metadata.name ? -1 : 1),
    )[0];
}

function couldHold(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  return (
    (!volume.spec.claimRef || isBoundTo(volume, claim)) &&
    compareQuantities(sizeOf(volume), requestOf(claim)) >= 0 &&
    !hasOtherMode(claim, volume) &&
    attributesOf(claim) === attributesOf(volume) &&
    !volume.metadata.deletionTimestamp
  );
}

const attributesOf = ({ spec }: PersistentVolume | PersistentVolumeClaim): string =>
  spec.volumeAttributesClassName ?? '';

/** Why the volume that a claim names cannot be its. */
export function mismatch(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
): string | undefined {
  if (volume.metadata.deletionTimestamp)
    return `the volume is marked for deletion "${volume.metadata.name}"`;
  if (compareQuantities(sizeOf(volume), requestOf(claim)) < 0) return 'requested PV is too small';
  if (classOf(volume) !== classOf(claim)) return 'storageClassName does not match';
  if (attributesOf(claim) !== attributesOf(volume))
    return 'volumeAttributesClassName does not match';
  if (hasOtherMode(claim, volume)) return 'incompatible volumeMode';
  return hasAccessModes(claim, volume) ? undefined : 'incompatible accessMode';
}
