import type { Service } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const services = resource<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  singular: 'service',
  scope: 'Namespaced',
  shortNames: ['svc'],
  categories: ['all'],
  type: 'core.v1.Service',
  storage: { prefix: '/registry/services/specs' },
  subresources: [
    {
      name: 'proxy',
      kind: 'ServiceProxyOptions',
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
    },
    { name: 'status', kind: 'Service', verbs: ['get', 'patch', 'update'] },
  ],
});
