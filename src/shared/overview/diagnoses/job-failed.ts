import { keyOf } from '#shared/kube/object.ts';
import { conditionOf, type Diagnosis } from './diagnosis.ts';

export const jobFailed: Diagnosis = {
  name: 'job failed',
  applicable: ({ jobs }) => jobs.length > 0,
  check: ({ jobs }) =>
    jobs.flatMap((job) => {
      const failed = conditionOf(job, 'Failed');
      if (failed?.status !== 'True') return [];
      const about = keyOf(job.metadata);
      return [
        {
          id: `job ${about}`,
          what: `${about} has failed`,
          why: failed.message || failed.reason || 'no reason told',
          cost: 100,
          about,
        },
      ];
    }),
  fixes: ({ about }) => [
    { title: `Open ${about}`, section: 'workloads', kind: 'jobs.batch', object: about },
  ],
};
