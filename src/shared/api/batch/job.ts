import type { Job } from '#shared/api/types/batch-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const jobs = resource<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  singular: 'job',
  scope: 'Namespaced',
  categories: ['all'],
  type: 'batch.v1.Job',
  storage: { prefix: '/registry/jobs' },
  subresources: [{ name: 'status', kind: 'Job', verbs: ['get', 'patch', 'update'] }],
});
