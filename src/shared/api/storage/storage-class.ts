import type { StorageClass } from '#shared/api/types/storage-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const storageClasses = resource<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  singular: 'storageclass',
  scope: 'Cluster',
  shortNames: ['sc'],
  type: 'storage.v1.StorageClass',
  storage: { prefix: '/registry/storageclasses' },
  lifecycle: { deleteReturnsObject: true },
});
