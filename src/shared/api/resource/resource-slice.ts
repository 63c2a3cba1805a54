import type { ResourceSlice } from '#shared/api/types/resource-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const resourceSlices = resource<ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  singular: 'resourceslice',
  scope: 'Cluster',
  type: 'resource.v1.ResourceSlice',
  storage: { prefix: '/registry/resourceslices' },
  lifecycle: { deleteReturnsObject: true },
});
