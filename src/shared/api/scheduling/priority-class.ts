import type { PriorityClass } from '#shared/api/types/scheduling-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const priorityClasses = resource<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  singular: 'priorityclass',
  scope: 'Cluster',
  shortNames: ['pc'],
  type: 'scheduling.v1.PriorityClass',
  storage: { prefix: '/registry/priorityclasses' },
});
