import { jobs } from '#shared/api/batch/job.ts';
import type { Job } from '#shared/api/types/batch-v1.ts';
import { ageOf, type Clock } from '#shared/base/clock.ts';
import { controller } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { isFinished, trueCondition } from './job/conditions.ts';
import { timeOf } from './values.ts';

/** Deletes Jobs that ended longer ago than they wish to be kept. */
export const ttlAfterFinishedController = controller<Job>({
  name: 'ttl-after-finished-controller',
  watches: jobs,
  wakes: ({ after }) => (after && endOf(after) !== undefined ? [keyOf(after.metadata)] : []),

  async reconcile(job, { cluster, clock }) {
    const left = untilExpiry(job, clock);
    if (left === undefined) return undefined;
    if (left > 0) return { afterMs: left };
    const { namespace, name, uid } = job.metadata;
    try {
      // The cache may be behind somebody who has just prolonged the Job's life.
      const fresh = await cluster.get(jobs, { namespace, name });
      const stillLeft = untilExpiry(fresh, clock);
      if (fresh.metadata.uid !== uid || stillLeft === undefined) return undefined;
      if (stillLeft > 0) return { afterMs: stillLeft };
      const call = { propagationPolicy: 'Foreground', preconditions: { uid } } as const;
      await cluster.delete(jobs, { namespace, name }, call);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
    return undefined;
  },
});

function untilExpiry(job: Job, clock: Clock): number | undefined {
  const ended = endOf(job);
  if (ended === undefined) return undefined;
  return job.spec.ttlSecondsAfterFinished! * 1000 - ageOf(clock, ended);
}

/** When a Job ended that is to be deleted some time after. */
function endOf(job: Job): number | undefined {
  const { ttlSecondsAfterFinished: ttl } = job.spec;
  if (ttl === undefined || job.metadata.deletionTimestamp || !isFinished(job)) return undefined;
  const ended = trueCondition(job.status, 'Complete') ?? trueCondition(job.status, 'Failed');
  return timeOf(ended?.lastTransitionTime);
}
