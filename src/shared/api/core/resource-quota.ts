import type { ResourceQuota } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const resourceQuotas = resource<ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  singular: 'resourcequota',
  scope: 'Namespaced',
  shortNames: ['quota'],
  type: 'core.v1.ResourceQuota',
  storage: { prefix: '/registry/resourcequotas' },
  subresources: [{ name: 'status', kind: 'ResourceQuota', verbs: ['get', 'patch', 'update'] }],
});
