import type { APIService } from '#shared/api/types/apiregistration-v1.ts';
import { pathSegment } from '#shared/kube/names.ts';
import { resource } from '#shared/kube/resource.ts';

export const apiServices = resource<APIService>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  singular: 'apiservice',
  scope: 'Cluster',
  categories: ['api-extensions'],
  validateName: pathSegment,
  type: 'apiregistration.v1.APIService',
  storage: { prefix: '/registry/apiregistration.k8s.io/apiservices' },
  subresources: [{ name: 'status', kind: 'APIService', verbs: ['get', 'patch', 'update'] }],
});
