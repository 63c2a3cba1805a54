import type { LimitRange } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const limitRanges = resource<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  singular: 'limitrange',
  scope: 'Namespaced',
  shortNames: ['limits'],
  type: 'core.v1.LimitRange',
  storage: { prefix: '/registry/limitranges' },
});
