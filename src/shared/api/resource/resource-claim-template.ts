import type { ResourceClaimTemplate } from '#shared/api/types/resource-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const resourceClaimTemplates = resource<ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  singular: 'resourceclaimtemplate',
  scope: 'Namespaced',
  type: 'resource.v1.ResourceClaimTemplate',
  storage: { prefix: '/registry/resourceclaimtemplates' },
  lifecycle: { deleteReturnsObject: true },
});
