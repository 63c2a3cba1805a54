import type { Endpoints } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const endpoints = resource<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  scope: 'Namespaced',
  shortNames: ['ep'],
  type: 'core.v1.Endpoints',
  storage: { prefix: '/registry/services/endpoints' },
});
