import type { CSIDriver } from '#shared/api/types/storage-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const csiDrivers = resource<CSIDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  singular: 'csidriver',
  scope: 'Cluster',
  type: 'storage.v1.CSIDriver',
  storage: { prefix: '/registry/csidrivers' },
  lifecycle: { deleteReturnsObject: true },
});
