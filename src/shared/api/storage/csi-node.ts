import type { CSINode } from '#shared/api/types/storage-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const csiNodes = resource<CSINode>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  plural: 'csinodes',
  singular: 'csinode',
  scope: 'Cluster',
  type: 'storage.v1.CSINode',
  storage: { prefix: '/registry/csinodes' },
  lifecycle: { deleteReturnsObject: true },
});
