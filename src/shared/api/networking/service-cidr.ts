import type { ServiceCIDR } from '#shared/api/types/networking-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const serviceCidrs = resource<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  singular: 'servicecidr',
  scope: 'Cluster',
  type: 'networking.v1.ServiceCIDR',
  storage: { prefix: '/registry/servicecidrs' },
  subresources: [{ name: 'status', kind: 'ServiceCIDR', verbs: ['get', 'patch', 'update'] }],
});
