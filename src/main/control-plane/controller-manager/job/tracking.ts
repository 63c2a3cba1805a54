import { jobs } from '#shared/api/batch/job.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Job, JobCondition, JobStatus } from '#shared/api/types/batch-v1.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { ReconcileContext } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { asError } from '../values.ts';
import { ensured, restated, trueCondition } from './conditions.ts';
import { countIndexes, formatIntervals, hasIndex, withIndexes } from './intervals.ts';
import type { JobPass } from './pass.ts';
import { indexOf, isFailed, isIndexed, isPerIndex, isTracked, trackingFinalizer } from './pods.ts';
import { judgeFailure } from './policies.ts';

const mostUncounted = 500;

/** Removes the finalizer by which a Job keeps ended pods until they are counted. */
export async function removeFinalizer({ cluster }: ReconcileContext, pod: Pod): Promise<void> {
  if (!isTracked(pod)) return;
  const { namespace, name } = pod.metadata;
  const body = {
    metadata: { '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] },
  };
  try {
    await cluster.patch(pods, { namespace, name }, { type: 'strategic', body });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

type Draft = { -readonly [K in keyof JobStatus]: JobStatus[K] };

/**
 * Counts ended pods exactly once: first their uids go into the status, then the pods lose their
 * finalizer, then the uids become numbers. Only when all are counted is the Job over.
 */
export class Tracking {
  readonly #pass: JobPass;
  #job: Job;
  #status: Draft;
  #finished: JobCondition | undefined;
  /** Pods that still have the finalizer. */
  readonly #tracked: Set<string>;

  constructor(pass: JobPass) {
    this.#pass = pass;
    this.#job = pass.job;
    this.#status = pass.status;
    this.#finished = pass.finished;
    this.#tracked = new Set(pass.owned.filter(isTracked).map(({ metadata }) => metadata.uid));
  }

  /** `onFlush` is called once new counts are safely written. */
  async run(hasNews: boolean, onFlush: () => void): Promise<void> {
    const counted = this.#countReleased();
    const { removable, isNews, isFull } = this.#collect();
    const isEnding = this.#beginEnd();
    if (hasNews || counted || isNews || isEnding) {
      await this.#flush();
      onFlush();
    }
    const failure = await this.#release(removable);
    const moved = this.#countReleased();
    if (failure) {
      if (moved) await this.#flush();
      throw failure;
    }
    const isOver = !isFull && this.#end();
    if (!moved && !isOver) return;
    await this.#flush();
    if (isOver) this.#tell();
  }

  async #flush(): Promise<void> {
    const { cluster } = this.#pass.context;
    this.#job = await cluster.updateStatus(jobs, { ...this.#job, status: cleaned(this.#status) });
    this.#status = { ...this.#job.status };
  }

  /** Uids whose pods lost their finalizer become numbers. */
  #countReleased(): boolean {
    const { succeeded = [], failed = [] } = this.#status.uncountedTerminatedPods ?? {};
    const stillSucceeded = succeeded.filter((uid) => this.#tracked.has(uid));
    const stillFailed = failed.filter((uid) => this.#tracked.has(uid));
    const moved = succeeded.length - stillSucceeded.length + failed.length - stillFailed.length;
    this.#status.succeeded =
      (this.#status.succeeded ?? 0) + succeeded.length - stillSucceeded.length;
    this.#status.failed = (this.#status.failed ?? 0) + failed.length - stillFailed.length;
    this.#status.uncountedTerminatedPods = { succeeded: stillSucceeded, failed: stillFailed };
    return moved > 0;
  }

  #collect(): { removable: Pod[]; isNews: boolean; isFull: boolean } {
    const { job, owned } = this.#pass;
    const { succeeded = [], failed = [] } = this.#status.uncountedTerminatedPods ?? {};
    const uncounted = {
      succeeded: [...succeeded],
      failed: [...failed],
      indexes: new Set<number>(),
    };
    const before = succeeded.length + failed.length;
    const removable: Pod[] = [];
    const ordered = isIndexed(job) ? [...owned].sort((a, b) => indexOf(a) - indexOf(b)) : owned;
    let isFull = false;
    for (const pod of ordered) {
      if (!isTracked(pod) || !this.#isRemovable(pod)) continue;
      removable.push(pod);
      this.#count(pod, uncounted);
      const { length } = uncounted.succeeded;
      isFull = uncounted.indexes.size + length + uncounted.failed.length >= mostUncounted;
      if (isFull) break;
    }
    this.#status.uncountedTerminatedPods = {
      succeeded: uncounted.succeeded,
      failed: uncounted.failed,
    };
    const isNews =
      uncounted.indexes.size > 0 || uncounted.succeeded.length + uncounted.failed.length > before;
    const isIndexNews = isIndexed(job) && this.#noteIndexes(uncounted.indexes);
    return { removable, isNews: isNews || isIndexNews, isFull };
  }

  #isRemovable(pod: Pod): boolean {
    const { job, delayed } = this.#pass;
    if (job.metadata.deletionTimestamp || this.#finished || pod.status.phase === 'Succeeded')
      return true;
    if (!isFailed(pod, job)) return false;
    return !isPerIndex(job) || delayed.get(indexOf(pod)) !== pod;
  }

  #count(
    pod: Pod,
    uncounted: { succeeded: string[]; failed: string[]; indexes: Set<number> },
  ): void {
    const { job, uncountedSucceeded, uncountedFailed } = this.#pass;
    const { uid } = pod.metadata;
    const index = indexOf(pod);
    if (pod.status.phase === 'Succeeded' && !uncountedFailed.has(uid)) {
      if (isIndexed(job)) {
        if (this.#pass.isInRange(index) && !hasIndex(this.#pass.previousSucceeded, index))
          uncounted.indexes.add(index);
      } else if (!uncountedSucceeded.has(uid)) uncounted.succeeded.push(uid);
      return;
    }
    const isEndFailure = this.#finished && this.#finished.type !== 'SuccessCriteriaMet';
    if (!isFailed(pod, job) && !isEndFailure) return;
    if (uncountedFailed.has(uid) || (isIndexed(job) && !this.#pass.isInRange(index))) return;
    if (judgeFailure(job, pod).isCounted) uncounted.failed.push(uid);
  }

  #noteIndexes(added: ReadonlySet<number>): boolean {
    const { succeededIndexes, failedIndexes } = this.#pass;
    const all = withIndexes(succeededIndexes, added);
    const completed = formatIntervals(all);
    const failed = failedIndexes && formatIntervals(failedIndexes);
    const { completedIndexes = '', failedIndexes: known } = this.#status;
    this.#status.succeeded = countIndexes(all);
    this.#status.completedIndexes = completed;
    if (failed !== undefined) this.#status.failedIndexes = failed;
    return completed !== completedIndexes || failed !== known;
  }

  /** Writes down that the Job is about to end; pods may still be terminating. */
  #beginEnd(): boolean {
    const finished = this.#finished;
    const { now } = this.#pass;
    if (finished?.type === 'FailureTarget') {
      this.#status.conditions = [...(this.#status.conditions ?? []), finished];
      this.#finished = restated('Failed', finished, now);
      return true;
    }
    if (finished?.type !== 'SuccessCriteriaMet') return false;
    this.#finished = restated('Complete', finished, now);
    if (trueCondition(this.#status, 'SuccessCriteriaMet')) return false;
    this.#status.conditions = [...(this.#status.conditions ?? []), finished];
    return true;
  }

  async #release(removable: readonly Pod[]): Promise<Error | undefined> {
    const results = await Promise.allSettled(
      removable.map(async (pod) => {
        await removeFinalizer(this.#pass.context, pod);
        this.#tracked.delete(pod.metadata.uid);
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    return failed && asError(failed.reason);
  }

  /** True if the Job is over now. */
  #end(): boolean {
    const finished = this.#finished;
    if (!finished) return false;
    const { succeeded = [], failed = [] } = this.#status.uncountedTerminatedPods ?? {};
    if (succeeded.length + failed.length > 0 || this.#pass.terminating > 0) return false;
    this.#status.conditions =
      ensured(this.#status.conditions, finished) ?? this.#status.conditions ?? [];
    if (finished.type === 'Complete' && finished.lastTransitionTime)
      this.#status.completionTime = finished.lastTransitionTime;
    return true;
  }

  #tell(): void {
    const { events } = this.#pass.context;
    const { reason = '', message = '', type } = this.#finished!;
    if (type !== 'Complete') {
      events.record(this.#job, 'Warning', reason, message);
      return;
    }
    const { completions } = this.#job.spec;
    if (completions !== undefined && (this.#status.succeeded ?? 0) > completions)
      events.record(
        this.#job,
        'Warning',
        'TooManySucceededPods',
        'Too many succeeded pods running after completion count reached',
      );
    events.record(this.#job, 'Normal', 'Completed', 'Job completed');
  }
}

/** As Go writes it: plain numbers only when not zero, empty lists not at all. */
function cleaned(status: Draft): JobStatus {
  const { active, succeeded, failed, completedIndexes, uncountedTerminatedPods, ...others } =
    status;
  const { succeeded: uids = [], failed: failedUids = [] } = uncountedTerminatedPods ?? {};
  return {
    ...others,
    ...(active && { active }),
    ...(succeeded && { succeeded }),
    ...(failed && { failed }),
    ...(completedIndexes && { completedIndexes }),
    uncountedTerminatedPods: {
      ...(uids.length > 0 && { succeeded: uids }),
      ...(failedUids.length > 0 && { failed: failedUids }),
    },
  };
}
