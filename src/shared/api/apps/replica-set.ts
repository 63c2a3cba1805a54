import type { ReplicaSet } from '#shared/api/types/apps-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const replicaSets = resource<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  singular: 'replicaset',
  scope: 'Namespaced',
  shortNames: ['rs'],
  categories: ['all'],
  type: 'apps.v1.ReplicaSet',
  storage: { prefix: '/registry/replicasets' },
  subresources: [
    {
      name: 'scale',
      kind: 'Scale',
      groupVersion: 'autoscaling/v1',
      verbs: ['get', 'patch', 'update'],
    },
    { name: 'status', kind: 'ReplicaSet', verbs: ['get', 'patch', 'update'] },
  ],
});
