import { jobs } from '#shared/api/batch/job.ts';
import type { Job } from '#shared/api/types/batch-v1.ts';
import { controller } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { isFinished, trueCondition } from './job/conditions.ts';
import { timeOf } from './values.ts';

/** Deletes Jobs that ended longer ago than they wish to be kept. */
export const ttlAfterFinishedController = controller<Job>({
  name: 'ttl-after-finished-controller',
  watches: jobs,
  wakes: ({ after }) => (after && expiresAt(after) !== undefined ? [keyOf(after.metadata)] : []),

  async reconcile(job, { cluster, clock }) {
    const left = untilExpiry(job, clock.now());
    if (left === undefined) return undefined;
    if (left > 0) return { afterMs: left };
    const { namespace, name, uid } = job.metadata;
    try {
      // The cache may be behind somebody who has just prolonged the Job's life.
      const fresh = await cluster.get(jobs, { namespace, name });
      const stillLeft = untilExpiry(fresh, clock.now());
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

function untilExpiry(job: Job, now: number): number | undefined {
  const at = expiresAt(job);
  return at === undefined ? undefined : at - now;
}

function expiresAt(job: Job): number | undefined {
  const { ttlSecondsAfterFinished: ttl } = job.spec;
  if (ttl === undefined || job.metadata.deletionTimestamp || !isFinished(job)) return undefined;
  const ended = trueCondition(job.status, 'Complete') ?? trueCondition(job.status, 'Failed');
  return timeOf(ended?.lastTransitionTime) + ttl * 1000;
}
