import type { Secret } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const secrets = resource<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  singular: 'secret',
  scope: 'Namespaced',
  type: 'core.v1.Secret',
  storage: { prefix: '/registry/secrets' },
});
