import {
  isLocalPath,
  isToBeRemoved,
  localPathProvisioner,
  removedVolumes,
  volumeNodeAnnotation,
} from '#shared/api/core/local-path-volume.ts';
import { nodes } from '#shared/api/core/node.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import type { PersistentVolume } from '#shared/api/types/core-v1.ts';
import { cacheIndex, controller, trigger, type ReconcileContext } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { isSimulated } from '#shared/kube/simulated-nodes.ts';
import { volumeFinalizer } from './provision.ts';

const byNode = cacheIndex(persistentVolumes, 'local-path-node', ({ metadata }) => {
  const node = metadata.annotations?.[volumeNodeAnnotation];
  return node === undefined ? [] : [node];
});

/** Lets go of volumes whose folder the node's agent has removed, or whose node has gone for ever. */
export const volumeController = controller<PersistentVolume>({
  name: 'local-path-provisioner',
  eventSource: localPathProvisioner,
  watches: persistentVolumes,
  indexes: [byNode],
  triggers: [
    trigger(nodes, ({ before, after }, cache) => {
      if (after) return removedVolumes(after);
      const volumes = cache.by(persistentVolumes, byNode.name, before!.metadata.name);
      return [...volumes].map(({ metadata }) => metadata.name);
    }),
  ],

  async reconcile(volume, context) {
    const { metadata, spec } = volume;
    if (!isLocalPath(volume) || !metadata.finalizers?.includes(volumeFinalizer)) return;
    if (metadata.deletionTimestamp && spec.persistentVolumeReclaimPolicy !== 'Delete') {
      // Who keeps what a volume holds, keeps it when the volume is deleted, too.
      await release(volume, context);
      return;
    }
    if (!isToBeRemoved(volume) || !(await isRemoved(volume, context))) return;
    const { name, uid } = metadata;
    try {
      if (!metadata.deletionTimestamp)
        await context.cluster.delete(persistentVolumes, { name }, { preconditions: { uid } });
      await release(volume, context);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  },
});

async function isRemoved(volume: PersistentVolume, context: ReconcileContext): Promise<boolean> {
  const { name, annotations = {} } = volume.metadata;
  const nodeName = annotations[volumeNodeAnnotation] ?? '';
  const node = context.cache.get(nodes, nodeName);
  if (node) return isSimulated(node) || removedVolumes(node).has(name);
  try {
    await context.cluster.get(nodes, { name: nodeName });
    return false;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return true;
    throw error;
  }
}

async function release(
  { metadata: { name, uid, finalizers = [] } }: PersistentVolume,
  { cluster }: ReconcileContext,
): Promise<void> {
  const others = finalizers.filter((one) => one !== volumeFinalizer);
  const body = { metadata: { uid, finalizers: others.length > 0 ? others : null } };
  await cluster.patch(persistentVolumes, { name }, { type: 'merge', body });
}
