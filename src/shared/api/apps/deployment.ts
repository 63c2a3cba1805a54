import type { Deployment } from '#shared/api/types/apps-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const deployments = resource<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  singular: 'deployment',
  scope: 'Namespaced',
  shortNames: ['deploy'],
  categories: ['all'],
  type: 'apps.v1.Deployment',
  storage: { prefix: '/registry/deployments' },
  subresources: [
    {
      name: 'scale',
      kind: 'Scale',
      groupVersion: 'autoscaling/v1',
      verbs: ['get', 'patch', 'update'],
    },
    { name: 'status', kind: 'Deployment', verbs: ['get', 'patch', 'update'] },
  ],
});
