import { jobs } from '#shared/api/batch/job.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Job } from '#shared/api/types/batch-v1.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import {
  controller,
  trigger,
  type Cache,
  type Controller,
  type Wake,
} from '#shared/kube/controller.ts';
import { keyOf } from '#shared/kube/object.ts';
import { controllerOf } from '#shared/kube/owners.ts';
import { noFailures, type FailureRecord } from './job/backoff.ts';
import { isFinished } from './job/conditions.ts';
import { JobPass } from './job/pass.ts';
import { isTracked, trackingFinalizer } from './job/pods.ts';
import { removeFinalizer, Tracking } from './job/tracking.ts';
import { claim, compiledSelector, orphanTrigger } from './pods/claim.ts';

/** Changes of pods and of the status are looked at together, a second later. */
const batchMs = 1000;
const ourName = 'kubernetes.io/job-controller';

const later = (key: string): Wake => ({ key, afterMs: batchMs });

/** Runs pods to completion. */
export function createJobController(): Controller<Job> {
  const records = new Map<string, FailureRecord>();
  return controller<Job>({
    name: 'job-controller',
    watches: jobs,
    backoff: { firstMs: 1000, maxMs: 60_000 },
    wakes({ before, after }) {
      const key = keyOf((after ?? before)!.metadata);
      const isOnlyStatus = before && after?.metadata.generation === before.metadata.generation;
      return [isOnlyStatus ? later(key) : key];
    },
    triggers: [
      trigger(pods, ({ before, after }, cache) => {
        const owners = [jobOf(after, cache), jobOf(before, cache)];
        return owners.flatMap((job) => (job ? [later(keyOf(job.metadata))] : []));
      }),
      orphanTrigger(pods, jobs, ({ spec }) => compiledSelector(spec.selector)),
    ],

    async reconcile(job, context) {
      const { key } = context;
      if (job.spec.managedBy !== undefined && job.spec.managedBy !== ourName) return undefined;
      if (isFinished(job)) {
        records.delete(key);
        return undefined;
      }
      const { completionMode = 'NonIndexed' } = job.spec;
      if (completionMode !== 'NonIndexed' && completionMode !== 'Indexed') {
        const message = 'Skipped Job sync because completion mode is unknown';
        context.events.record(job, 'Warning', 'UnknownCompletionMode', message);
        return undefined;
      }
      const selector = compiledSelector(job.spec.selector);
      const adoption = { finalizers: [trackingFinalizer] };
      const owned = await claim(
        { owner: job, ownerKind: jobs, selector, of: pods, adoption },
        context,
      );
      const pass = new JobPass(job, { owned, record: records.get(key) ?? noFailures, context });
      const failure = await pass.run();
      await new Tracking(pass).run(pass.hasNews, () => void records.set(key, pass.record));
      if (failure) throw failure;
      return { afterMs: pass.afterMs };
    },

    async gone({ key }) {
      records.delete(key);
    },
  });
}

/** Lets go of ended pods whose Job no longer counts them. */
export const jobOrphanController = controller<Pod>({
  name: 'job-controller',
  watches: pods,
  wakes({ after }, cache) {
    if (!after || !isTracked(after) || !isForgotten(after, cache)) return [];
    return [keyOf(after.metadata)];
  },
  triggers: [
    trigger(jobs, ({ before, after }, cache) => {
      const job = after ?? before!;
      if (after && !isFinished(after)) return [];
      const wakes: Wake[] = [];
      for (const pod of cache.ownedBy(pods, job.metadata.uid))
        if (isTracked(pod) && isForgotten(pod, cache)) wakes.push(keyOf(pod.metadata));
      return wakes;
    }),
  ],
  async reconcile(pod, context) {
    if (isTracked(pod) && isForgotten(pod, context.cache)) await removeFinalizer(context, pod);
  },
});

function jobOf(pod: Pod | undefined, cache: Cache): Job | undefined {
  const owner = controllerOf(pod?.metadata);
  if (owner?.kind !== 'Job') return undefined;
  const { namespace } = pod!.metadata;
  const job = cache.get(jobs, keyOf({ namespace, name: owner.name }));
  return job?.metadata.uid === owner.uid ? job : undefined;
}

/** Without a controller, of a Job that is gone, or deleted after its Job ended. */
function isForgotten(pod: Pod, cache: Cache): boolean {
  const owner = controllerOf(pod.metadata);
  if (!owner) return true;
  if (owner.kind !== 'Job') return false;
  const job = jobOf(pod, cache);
  if (!job) return true;
  return isFinished(job) && pod.metadata.deletionTimestamp !== undefined;
}
