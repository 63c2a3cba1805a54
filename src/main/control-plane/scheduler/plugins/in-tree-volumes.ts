import type { PersistentVolumeSpec, Volume } from '#shared/api/types/core-v1.ts';

/** Provisioners that were part of Kubernetes → the CSI drivers that took over from them. */
export const inTreeDrivers: ReadonlyMap<string, string> = new Map([
  ['kubernetes.io/aws-ebs', 'ebs.csi.aws.com'],
  ['kubernetes.io/gce-pd', 'pd.csi.storage.gke.io'],
  ['kubernetes.io/azure-disk', 'disk.csi.azure.com'],
  ['kubernetes.io/cinder', 'cinder.csi.openstack.org'],
  ['kubernetes.io/portworx-volume', 'pxd.portworx.com'],
]);

type Sources = Pick<
  Volume & PersistentVolumeSpec,
  'awsElasticBlockStore' | 'gcePersistentDisk' | 'azureDisk' | 'cinder' | 'portworxVolume'
>;

/** The CSI volume that stands for a volume of one of these kinds. */
export function migratedVolume(
  sources: Sources,
): { readonly driver: string; readonly handle: string } | undefined {
  const { awsElasticBlockStore, gcePersistentDisk, azureDisk, cinder, portworxVolume } = sources;
  if (awsElasticBlockStore)
    return { driver: 'ebs.csi.aws.com', handle: awsElasticBlockStore.volumeID };
  if (gcePersistentDisk)
    return { driver: 'pd.csi.storage.gke.io', handle: gcePersistentDisk.pdName };
  if (azureDisk) return { driver: 'disk.csi.azure.com', handle: azureDisk.diskURI };
  if (cinder) return { driver: 'cinder.csi.openstack.org', handle: cinder.volumeID };
  if (portworxVolume) return { driver: 'pxd.portworx.com', handle: portworxVolume.volumeID };
  return undefined;
}
