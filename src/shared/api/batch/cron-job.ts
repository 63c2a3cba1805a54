import type { CronJob } from '#shared/api/types/batch-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const cronJobs = resource<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  singular: 'cronjob',
  scope: 'Namespaced',
  shortNames: ['cj'],
  categories: ['all'],
  type: 'batch.v1.CronJob',
  storage: { prefix: '/registry/cronjobs' },
  subresources: [{ name: 'status', kind: 'CronJob', verbs: ['get', 'patch', 'update'] }],
});
