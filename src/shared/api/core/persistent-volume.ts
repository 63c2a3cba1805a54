import type { PersistentVolume } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const persistentVolumes = resource<PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  singular: 'persistentvolume',
  scope: 'Cluster',
  shortNames: ['pv'],
  type: 'core.v1.PersistentVolume',
  storage: { prefix: '/registry/persistentvolumes' },
  lifecycle: { deleteReturnsObject: true },
  subresources: [{ name: 'status', kind: 'PersistentVolume', verbs: ['get', 'patch', 'update'] }],
});
