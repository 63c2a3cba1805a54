import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { pods } from '#shared/api/core/pod.ts';
import { storageClasses } from '#shared/api/storage/storage-class.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import {
  controller,
  trigger,
  type Cache,
  type Outcome,
  type ReconcileContext,
  type Wake,
} from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { claimNamesOf } from './volume-protection.ts';
import { bind, unbind, writeClaimStatus, writePhase } from './volumes/binding.ts';
import {
  bindCompleted,
  boundByController,
  findVolume,
  hasOtherMode,
  isBoundTo,
  mismatch,
} from './volumes/match.ts';
import {
  assignDefaultClass,
  isDelayed,
  isNodeSelected,
  provision,
  tellWaiting,
} from './volumes/provision.ts';

/** What waits is looked at again that often, as upstream's resync does. */
const resyncMs = 15_000;
const provisionedBy = 'pv.kubernetes.io/provisioned-by';
const eventSource = 'persistentvolume-controller';

function* waitingClaims(cache: Cache): Iterable<Wake> {
  for (const { metadata, status } of cache.list(persistentVolumeClaims))
    if (status.phase !== 'Bound') yield keyOf(metadata);
}

/** Binds claims to volumes, or asks a provisioner for one. */
export const claimBindingController = controller<PersistentVolumeClaim>({
  name: 'persistent-volume-binder',
  eventSource,
  watches: persistentVolumeClaims,
  concurrency: 1,
  reads: [pods],
  triggers: [
    // Claims that wait notice a free volume at their next resync only, as upstream's do.
    trigger(persistentVolumes, ({ before, after }) => {
      const { claimRef } = (after ?? before)!.spec;
      const { namespace, name } = claimRef ?? {};
      return name && namespace ? [keyOf({ namespace, name })] : [];
    }),
    trigger(storageClasses, (_change, cache) => waitingClaims(cache)),
    trigger(pods, ({ before, after }) => {
      if (!after || before) return [];
      const { namespace } = after.metadata;
      return claimNamesOf(after).map((name) => keyOf({ namespace, name }));
    }),
  ],

  async reconcile(claim, context) {
    if (claim.metadata.annotations?.[bindCompleted] !== undefined)
      return await syncBound(claim, context);
    return claim.spec.volumeName
      ? await syncNamed(claim, claim.spec.volumeName, context)
      : await syncUnbound(claim, context);
  },
});

async function syncUnbound(
  claim: PersistentVolumeClaim,
  context: ReconcileContext,
): Promise<Outcome | void> {
  const { cache, events } = context;
  const delayed = isDelayed(claim, cache);
  const volume = findVolume(claim, cache.list(persistentVolumes), delayed);
  if (volume) return await bind(volume, claim, context);
  if (await assignDefaultClass(claim, context)) return undefined;
  if (delayed && !isNodeSelected(claim)) tellWaiting(claim, context);
  else if (claim.spec.storageClassName || hasAnnotatedClass(claim)) {
    await provision(claim, context);
    return { afterMs: resyncMs };
  } else {
    const message = 'no persistent volumes available for this claim and no storage class is set';
    events.record(claim, 'Normal', 'FailedBinding', message);
  }
  await writeClaimStatus(claim, 'Pending', undefined, context);
  return { afterMs: resyncMs };
}

function hasAnnotatedClass({ metadata }: PersistentVolumeClaim): boolean {
  return Boolean(metadata.annotations?.['volume.beta.kubernetes.io/storage-class']);
}

/** The claim asks for one volume by name. */
async function syncNamed(
  claim: PersistentVolumeClaim,
  name: string,
  context: ReconcileContext,
): Promise<Outcome | void> {
  const { cache, events } = context;
  const volume = cache.get(persistentVolumes, name);
  if (!volume) {
    await writeClaimStatus(claim, 'Pending', undefined, context);
    return { afterMs: resyncMs };
  }
  if (isBoundTo(volume, claim)) return await bind(volume, claim, context);
  if (!volume.spec.claimRef) {
    const why = mismatch(volume, claim);
    if (why === undefined) return await bind(volume, claim, context);
    const message = `Cannot bind to requested volume "${name}": ${why}`;
    events.record(claim, 'Warning', 'VolumeMismatch', message);
    await writeClaimStatus(claim, 'Pending', undefined, context);
    return { afterMs: resyncMs };
  }
  const message = `volume "${name}" already bound to a different claim.`;
  events.record(claim, 'Warning', 'FailedBinding', message);
  if (claim.metadata.annotations?.[boundByController] !== undefined)
    throw new Error(
      `invalid binding of claim "${context.key}" to volume "${name}": volume already claimed`,
    );
  await writeClaimStatus(claim, 'Pending', undefined, context);
  return { afterMs: resyncMs };
}

async function syncBound(claim: PersistentVolumeClaim, context: ReconcileContext): Promise<void> {
  const { volumeName } = claim.spec;
  const lose = async (reason: string, message: string): Promise<void> => {
    if (claim.status.phase === 'Lost') return;
    await writeClaimStatus(claim, 'Lost', undefined, context);
    context.events.record(claim, 'Warning', reason, message);
  };
  const isLost = 'Data on the volume is lost!';
  if (!volumeName)
    return await lose('ClaimLost', `Bound claim has lost reference to PersistentVolume. ${isLost}`);
  const volume = context.cache.get(persistentVolumes, volumeName);
  if (!volume)
    return await lose('ClaimLost', `Bound claim has lost its PersistentVolume. ${isLost}`);
  const { claimRef } = volume.spec;
  if (!claimRef || claimRef.uid === claim.metadata.uid) return await bind(volume, claim, context);
  return await lose(
    'ClaimMisbound',
    'Two claims are bound to the same volume, this one is bound incorrectly',
  );
}

/** Keeps volumes' phases, and lets go of those whose claim is gone. */
export const volumeBindingController = controller<PersistentVolume>({
  name: 'persistent-volume-binder',
  eventSource,
  watches: persistentVolumes,
  concurrency: 1,
  triggers: [
    trigger(persistentVolumeClaims, ({ before, after }) => {
      const { volumeName } = (after ?? before)!.spec;
      return volumeName ? [volumeName] : [];
    }),
  ],

  async reconcile(volume, context) {
    const { claimRef } = volume.spec;
    if (!claimRef?.uid) return void (await writePhase(volume, 'Available', context));
    const claim = await claimOf(volume, context);
    if (!claim) {
      const { phase } = volume.status;
      const isOver = phase === 'Released' || phase === 'Failed';
      const released = isOver ? volume : await writePhase(volume, 'Released', context);
      return await reclaim(released, context);
    }
    if (!claim.spec.volumeName) return tellOfMode(volume, claim, context);
    if (claim.spec.volumeName === volume.metadata.name)
      return void (await writePhase(volume, 'Bound', context));
    const isProvisioned = volume.metadata.annotations?.[provisionedBy] !== undefined;
    if (!isProvisioned || volume.spec.persistentVolumeReclaimPolicy !== 'Delete')
      return await unbind(volume, context);
    await reclaim(await writePhase(volume, 'Released', context), context);
    return undefined;
  },
});

function tellOfMode(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
  { events }: ReconcileContext,
): void {
  if (!hasOtherMode(claim, volume)) return;
  const [volumeName, claimName] = [volume.metadata.name, claim.metadata.name];
  const why = 'due to incompatible volumeMode.';
  events.record(
    volume,
    'Warning',
    'VolumeMismatch',
    `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${claimName}" ${why}`,
  );
  events.record(
    claim,
    'Warning',
    'VolumeMismatch',
    `Cannot bind PersistentVolume "${volumeName}" to requested PersistentVolumeClaim ${why}`,
  );
}

/** The claim by name and uid; the server is asked before it counts as gone. */
async function claimOf(
  volume: PersistentVolume,
  { cache, cluster }: ReconcileContext,
): Promise<PersistentVolumeClaim | undefined> {
  const { namespace = '', name = '', uid } = volume.spec.claimRef!;
  const cached = cache.get(persistentVolumeClaims, keyOf({ namespace, name }));
  if (cached?.metadata.uid === uid) return cached;
  const { phase } = volume.status;
  if (!cached && (phase === 'Released' || phase === 'Failed')) return undefined;
  try {
    const live = await cluster.get(persistentVolumeClaims, { namespace, name });
    return live.metadata.uid === uid ? live : undefined;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** What was provisioned elsewhere is deleted there; what an administrator made, nobody here can delete. */
async function reclaim(volume: PersistentVolume, context: ReconcileContext): Promise<void> {
  const { persistentVolumeReclaimPolicy: policy = 'Retain' } = volume.spec;
  const { name, annotations, deletionTimestamp } = volume.metadata;
  if (policy === 'Retain' || deletionTimestamp || volume.status.phase === 'Failed') return;
  const provisioner = annotations?.[provisionedBy];
  if (policy === 'Delete' && provisioner && !provisioner.startsWith('kubernetes.io/')) return;
  const [reason, message] =
    policy === 'Recycle'
      ? ['VolumeFailedRecycle', 'No recycler plugin found for the volume!']
      : [
          'VolumeFailedDelete',
          `error getting deleter volume plugin for volume "${name}": no deletable volume plugin matched`,
        ];
  await writePhase(volume, 'Failed', context, message);
  context.events.record(volume, 'Warning', reason, message);
}
