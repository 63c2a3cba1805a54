import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const endpointSlices = resource<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  singular: 'endpointslice',
  scope: 'Namespaced',
  type: 'discovery.v1.EndpointSlice',
  storage: { prefix: '/registry/endpointslices' },
});
