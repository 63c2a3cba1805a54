import { persistentVolumeClaims, persistentVolumes } from '#agent/api/resources.ts';
import type { Pod, Volume } from '#shared/api/types/core-v1.ts';
import type { VolumeContext } from './context.ts';
import { hostPathVolumes, localVolumes, nfsVolumes, type VolumePlugin } from './plugins.ts';

export interface Claimed {
  readonly plugin: VolumePlugin;
  /** The volume as if the pod had stated it itself. */
  readonly volume: Volume;
  /** The folder's name: that of the PersistentVolume. */
  readonly name: string;
}

/** The name of the claim that a volume stands for, if it stands for one. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.ephemeral) return `${pod.metadata.name}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}

/** What is behind a claim. Throws while it is not bound, and for kinds of volumes that are not built in. */
export async function resolveClaim(
  pod: Pod,
  { name: volumeName, persistentVolumeClaim }: Volume,
  claimName: string,
  { cluster }: VolumeContext,
): Promise<Claimed> {
  const { namespace } = pod.metadata;
  const claim = await cluster.get(persistentVolumeClaims, { namespace, name: claimName });
  const name = claim.spec.volumeName;
  if (claim.status.phase !== 'Bound' || !name)
    throw new Error(`PVC ${namespace}/${claimName} is not bound`);
  const { spec, metadata } = await cluster.get(persistentVolumes, { name });
  if (spec.claimRef?.uid !== claim.metadata.uid)
    throw new Error(`PVC ${namespace}/${claimName} and volume ${name} do not refer to each other`);
  const stated = { name: volumeName, ...persistentVolumeClaim };
  if (spec.hostPath)
    return { plugin: hostPathVolumes, volume: { ...stated, hostPath: spec.hostPath }, name };
  if (spec.local)
    return {
      plugin: localVolumes,
      volume: { ...stated, hostPath: { path: spec.local.path } },
      name,
    };
  if (spec.nfs) return { plugin: nfsVolumes, volume: { ...stated, nfs: spec.nfs }, name };
  throw new Error(
    `the volume ${metadata.name} is of a kind that this node cannot mount; use local, hostPath or NFS`,
  );
}
