import type { PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const persistentVolumeClaims = resource<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  singular: 'persistentvolumeclaim',
  scope: 'Namespaced',
  shortNames: ['pvc'],
  type: 'core.v1.PersistentVolumeClaim',
  storage: { prefix: '/registry/persistentvolumeclaims' },
  lifecycle: { deleteReturnsObject: true },
  subresources: [
    { name: 'status', kind: 'PersistentVolumeClaim', verbs: ['get', 'patch', 'update'] },
  ],
});
