import type { CSIStorageCapacity } from '#shared/api/types/storage-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const csiStorageCapacities = resource<CSIStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  singular: 'csistoragecapacity',
  scope: 'Namespaced',
  type: 'storage.v1.CSIStorageCapacity',
  storage: { prefix: '/registry/csistoragecapacities' },
});
