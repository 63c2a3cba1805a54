import type { StatefulSet } from '#shared/api/types/apps-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const statefulSets = resource<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  singular: 'statefulset',
  scope: 'Namespaced',
  shortNames: ['sts'],
  categories: ['all'],
  type: 'apps.v1.StatefulSet',
  storage: { prefix: '/registry/statefulsets' },
  subresources: [
    {
      name: 'scale',
      kind: 'Scale',
      groupVersion: 'autoscaling/v1',
      verbs: ['get', 'patch', 'update'],
    },
    { name: 'status', kind: 'StatefulSet', verbs: ['get', 'patch', 'update'] },
  ],
});
