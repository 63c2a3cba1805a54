import type { ReplicationController } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const replicationControllers = resource<ReplicationController>({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  singular: 'replicationcontroller',
  scope: 'Namespaced',
  shortNames: ['rc'],
  categories: ['all'],
  type: 'core.v1.ReplicationController',
  storage: { prefix: '/registry/controllers' },
  subresources: [
    {
      name: 'scale',
      kind: 'Scale',
      groupVersion: 'autoscaling/v1',
      verbs: ['get', 'patch', 'update'],
    },
    { name: 'status', kind: 'ReplicationController', verbs: ['get', 'patch', 'update'] },
  ],
});
