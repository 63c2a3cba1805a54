import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import type { ReconcileContext } from '#shared/kube/controller.ts';
import { nowText } from '../conditions.ts';
import { isEqual } from '../values.ts';
import { bindCompleted, boundByController, isBoundTo } from './match.ts';

/** Ties both to each other; each step is one write, and any of them may have been done before. */
export async function bind(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
  context: ReconcileContext,
): Promise<void> {
  const referring = await referToClaim(volume, claim, context);
  const bound = await writePhase(referring, 'Bound', context);
  const named = await nameVolume(claim, bound, context);
  await writeClaimStatus(named, 'Bound', bound, context);
}

async function referToClaim(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
  { cluster }: ReconcileContext,
): Promise<PersistentVolume> {
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  const { claimRef } = volume.spec;
  const isReferring =
    claimRef?.name === name && claimRef.namespace === namespace && claimRef.uid === uid;
  if (isReferring) return volume;
  const { annotations } = volume.metadata;
  const isOurChoice = !isBoundTo(volume, claim);
  return await cluster.update(persistentVolumes, {
    ...volume,
    metadata: {
      ...volume.metadata,
      ...(isOurChoice && { annotations: { ...annotations, [boundByController]: 'yes' } }),
    },
    spec: {
      ...volume.spec,
      claimRef: {
        kind: 'PersistentVolumeClaim',
        namespace: namespace!,
        name,
        uid,
        apiVersion: 'v1',
        resourceVersion,
      },
    },
  });
}

async function nameVolume(
  claim: PersistentVolumeClaim,
  { metadata: { name } }: PersistentVolume,
  { cluster }: ReconcileContext,
): Promise<PersistentVolumeClaim> {
  const { annotations = {} } = claim.metadata;
  const isNamed = claim.spec.volumeName === name;
  if (isNamed && annotations[bindCompleted]) return claim;
  return await cluster.update(persistentVolumeClaims, {
    ...claim,
    metadata: {
      ...claim.metadata,
      annotations: {
        ...annotations,
        [bindCompleted]: 'yes',
        ...(!isNamed && { [boundByController]: 'yes' }),
      },
    },
    spec: { ...claim.spec, volumeName: name },
  });
}

export async function writePhase(
  volume: PersistentVolume,
  phase: string,
  { cluster, clock }: ReconcileContext,
  message = '',
): Promise<PersistentVolume> {
  if (volume.status.phase === phase) return volume;
  const { message: _, ...others } = volume.status;
  const status = {
    ...others,
    phase,
    ...(message && { message }),
    lastPhaseTransitionTime: nowText(clock),
  };
  return await cluster.updateStatus(persistentVolumes, { ...volume, status });
}

/** With a volume the claim shows its modes, size and attributes; without one it shows none. */
export async function writeClaimStatus(
  claim: PersistentVolumeClaim,
  phase: string,
  volume: PersistentVolume | undefined,
  { cluster }: ReconcileContext,
): Promise<void> {
  const {
    accessModes,
    capacity,
    currentVolumeAttributesClassName: attributes,
    ...others
  } = claim.status;
  const isNew = claim.status.phase !== phase;
  const shownCapacity = isNew ? volume?.spec.capacity : capacity;
  const shownAttributes = isNew ? volume?.spec.volumeAttributesClassName : attributes;
  const status = {
    ...others,
    phase,
    ...(volume?.spec.accessModes && { accessModes: volume.spec.accessModes }),
    ...(volume && shownCapacity && { capacity: shownCapacity }),
    ...(volume && shownAttributes && { currentVolumeAttributesClassName: shownAttributes }),
  };
  const before = {
    ...others,
    ...(accessModes && { accessModes }),
    ...(capacity && { capacity }),
    ...(attributes && { currentVolumeAttributesClassName: attributes }),
  };
  if (isEqual(before, status)) return;
  await cluster.updateStatus(persistentVolumeClaims, { ...claim, status });
}

/** Gives the volume back: a choice of ours is forgotten, somebody else's kept without its uid. */
export async function unbind(volume: PersistentVolume, context: ReconcileContext): Promise<void> {
  const { [boundByController]: ours, ...annotations } = volume.metadata.annotations ?? {};
  const { claimRef, ...spec } = volume.spec;
  const { annotations: _, ...metadata } = volume.metadata;
  const { uid: __, ...reference } = claimRef ?? {};
  const isEmpty = Object.keys(annotations).length === 0;
  const free = await context.cluster.update(persistentVolumes, {
    ...volume,
    metadata: { ...metadata, ...(!isEmpty && { annotations }) },
    spec: ours === undefined ? { ...spec, claimRef: reference } : spec,
  });
  await writePhase(free, 'Available', context);
}
