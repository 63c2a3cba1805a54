import type { ResourceClaim } from '#shared/api/types/resource-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const resourceClaims = resource<ResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  singular: 'resourceclaim',
  scope: 'Namespaced',
  type: 'resource.v1.ResourceClaim',
  storage: { prefix: '/registry/resourceclaims' },
  lifecycle: { deleteReturnsObject: true },
  subresources: [{ name: 'status', kind: 'ResourceClaim', verbs: ['get', 'patch', 'update'] }],
});
