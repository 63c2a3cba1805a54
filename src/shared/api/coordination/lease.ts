import type { Lease } from '#shared/api/types/coordination-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const leases = resource<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  singular: 'lease',
  scope: 'Namespaced',
  type: 'coordination.v1.Lease',
  storage: { prefix: '/registry/leases' },
});
