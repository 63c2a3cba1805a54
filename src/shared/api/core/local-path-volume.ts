import type { Node, PersistentVolume } from '#shared/api/types/core-v1.ts';

/**
 * Volumes that are folders on a node's own disk, as the provisioner in the control plane and the
 * node's agent agree on them. The provisioner makes the PersistentVolume; the agent makes the folder.
 * When the volume is to be removed, the agent removes the folder and names the volume on its Node;
 * only then the provisioner lets the PersistentVolume go. Every step can be taken again.
 */
export const localPathProvisioner = 'dev.pilothouse/local-path';

/** On a PersistentVolume: the Node whose disk it is on. */
export const volumeNodeAnnotation = 'pilothouse.dev/node';

/** On a Node: volumes whose folder its agent has removed, comma-separated. */
export const removedVolumesAnnotation = 'pilothouse.dev/removed-volumes';

/** Below the agent's own folder. */
export const volumesFolder = 'volumes';

const provisionedBy = 'pv.kubernetes.io/provisioned-by';

export function isLocalPath({ metadata }: PersistentVolume): boolean {
  return metadata.annotations?.[provisionedBy] === localPathProvisioner;
}

/** Its claim is gone and it is not to be kept. */
export function isToBeRemoved({ metadata, spec, status }: PersistentVolume): boolean {
  if (spec.persistentVolumeReclaimPolicy !== 'Delete') return false;
  if (status.phase === 'Released') return true;
  return metadata.deletionTimestamp !== undefined && status.phase !== 'Bound';
}

export function removedVolumes({ metadata }: Node): ReadonlySet<string> {
  const names = metadata.annotations?.[removedVolumesAnnotation] ?? '';
  return new Set(names.split(',').filter((name) => name !== ''));
}
