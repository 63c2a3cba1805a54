import { jobs } from '#shared/api/batch/job.ts';
import type { Job, JobCondition, JobStatus } from '#shared/api/types/batch-v1.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { ageOf } from '#shared/base/clock.ts';
import type { ReconcileContext } from '#shared/kube/controller.ts';
import { controllerReference } from '#shared/kube/owners.ts';
import { createPod, deletePod, slowStart } from '../pods/pod-control.ts';
import { isActive, isReady, isTerminating } from '../pods/pod-state.ts';
import { asError } from '../values.ts';
import { finishedAt, nextRecord, untilRetry, type FailureRecord } from './backoff.ts';
import { ensured, newCondition, restated, trueCondition } from './conditions.ts';
import {
  countIndexes,
  firstFree,
  hasIndex,
  mergeIntervals,
  parseIntervals,
  withIndexes,
  type Intervals,
} from './intervals.ts';
import {
  absoluteFailureCount,
  failureCount,
  indexesOf,
  indexOf,
  isFailed,
  isIndexed,
  isPerIndex,
  isSuspended,
  isTracked,
  newPod,
  podsToRemove,
  replacesOnlyFailed,
  trackedTemplate,
} from './pods.ts';
import { judgeFailure, metSuccessRule } from './policies.ts';
import { removeFinalizer } from './tracking.ts';

const mostPerPass = 500;

type Draft = { -readonly [K in keyof JobStatus]: JobStatus[K] };

/** One look at one Job: what its pods say, what to create or delete, and how it ends. */
export class JobPass {
  readonly job: Job;
  readonly context: ReconcileContext;
  readonly owned: readonly Pod[];
  readonly record: FailureRecord;
  readonly now: number;
  readonly status: Draft;
  readonly uncountedSucceeded: ReadonlySet<string>;
  readonly uncountedFailed: ReadonlySet<string>;
  finished: JobCondition | undefined;
  previousSucceeded: Intervals = [];
  succeededIndexes: Intervals = [];
  failedIndexes: Intervals | undefined;
  /** The failed pod per index that stays until its successor exists. */
  delayed: ReadonlyMap<number, Pod> = new Map();
  terminating: number;
  isSuspensionNews = false;
  /** When to look again at the latest. */
  afterMs: number | undefined;
  #active: number;
  #ready: number;
  readonly #activePods: readonly Pod[];
  readonly #succeeded: number;
  readonly #failed: number;

  constructor(
    job: Job,
    {
      owned,
      record,
      context,
    }: { owned: readonly Pod[]; record: FailureRecord; context: ReconcileContext },
  ) {
    this.job = job;
    this.context = context;
    this.owned = owned;
    this.now = context.clock.now();
    this.status = { ...job.status };
    const { succeeded = [], failed = [] } = job.status.uncountedTerminatedPods ?? {};
    this.uncountedSucceeded = new Set(succeeded);
    this.uncountedFailed = new Set(failed);
    this.#activePods = owned.filter(isActive);
    this.#active = this.#activePods.length;
    this.#ready = this.#activePods.filter(isReady).length;
    this.terminating = owned.filter(isTerminating).length;
    const newSucceeded = this.#valid(this.uncountedSucceeded).filter(isSucceeded);
    const newFailed = this.#valid(this.uncountedFailed).filter((pod) => isFailed(pod, job));
    const counted = newFailed.filter((pod) => judgeFailure(job, pod).isCounted);
    this.#succeeded = (job.status.succeeded ?? 0) + newSucceeded.length + succeeded.length;
    this.#failed = (job.status.failed ?? 0) + counted.length + failed.length;
    this.record = nextRecord(record, newSucceeded, newFailed);
    if (!this.status.startTime && !isSuspended(job))
      this.status.startTime = newCondition('Complete', this.#say('', '')).lastTransitionTime!;
  }

  get completions(): number {
    return this.job.spec.completions ?? 0;
  }

  /** Decides, acts, and leaves the counts in `status`; returns what went wrong with pods. */
  async run(): Promise<Error | undefined> {
    this.#decideEnd();
    const counted = isIndexed(this.job) ? this.#lookAtIndexes() : this.#succeeded;
    const failure = this.finished ? await this.#stopPods() : await this.#managePods(counted);
    this.status.active = this.#active;
    return failure;
  }

  /** True if the counts differ from what the status says. */
  get hasNews(): boolean {
    const { active = 0, ready, terminating } = this.job.status;
    const isNews =
      this.isSuspensionNews ||
      active !== this.#active ||
      ready !== this.#ready ||
      terminating !== this.terminating;
    this.status.ready = this.#ready;
    this.status.terminating = this.terminating;
    return isNews;
  }

  #say(reason: string, message: string) {
    return { reason, message, now: this.now };
  }

  /** Pods that count and are not counted yet. */
  #valid(uncounted: ReadonlySet<string>): Pod[] {
    return this.owned.filter((pod) => {
      if (!isTracked(pod) || uncounted.has(pod.metadata.uid)) return false;
      return !isIndexed(this.job) || this.isInRange(indexOf(pod));
    });
  }

  isInRange(index: number): boolean {
    return index >= 0 && index < this.completions;
  }

  #decideEnd(): void {
    const { job } = this;
    this.finished = trueCondition(this.status, 'SuccessCriteriaMet');
    if (this.finished) return;
    const target = trueCondition(this.status, 'FailureTarget');
    if (target) {
      this.finished = restated('Failed', target, this.now);
      return;
    }
    const failJob = job.spec.podFailurePolicy && this.#failJobMessage();
    if (failJob) this.#fail('PodFailurePolicy', failJob);
    else if (this.#failed > (job.spec.backoffLimit ?? 6) || this.#hasRestartedTooOften())
      this.#fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    else this.#checkDeadline();
  }

  #fail(reason: string, message: string): void {
    this.finished = newCondition('FailureTarget', this.#say(reason, message));
  }

  #failJobMessage(): string | undefined {
    for (const pod of this.owned) {
      const message = isFailed(pod, this.job) ? judgeFailure(this.job, pod).failJob : undefined;
      if (message !== undefined) return message;
    }
    return undefined;
  }

  #hasRestartedTooOften(): boolean {
    const { template, backoffLimit = 6 } = this.job.spec;
    if (template.spec?.restartPolicy !== 'OnFailure') return false;
    let restarts = 0;
    for (const { status } of this.owned)
      if (status.phase === 'Running' || status.phase === 'Pending')
        for (const one of [
          ...(status.initContainerStatuses ?? []),
          ...(status.containerStatuses ?? []),
        ])
          restarts += one.restartCount;
    return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
  }

  #checkDeadline(): void {
    const { activeDeadlineSeconds } = this.job.spec;
    const { startTime } = this.status;
    if (activeDeadlineSeconds === undefined || isSuspended(this.job) || !startTime) return;
    const left = activeDeadlineSeconds * 1000 - ageOf(this.context.clock, Date.parse(startTime));
    if (left <= 0) this.#fail('DeadlineExceeded', 'Job was active longer than specified deadline');
    else this.#again(left);
  }

  #again(ms: number): void {
    this.afterMs = Math.min(this.afterMs ?? ms, ms);
  }

  /** Counts by index; returns how many succeeded. */
  #lookAtIndexes(): number {
    const { job, completions } = this;
    this.previousSucceeded = parseIntervals(job.status.completedIndexes ?? '', completions);
    const tracked = this.owned.filter((pod) => isTracked(pod) && this.isInRange(indexOf(pod)));
    const succeeded = indexesOf(tracked.filter(isSucceeded));
    this.succeededIndexes = withIndexes(this.previousSucceeded, succeeded);
    const total = countIndexes(this.succeededIndexes);
    if (isPerIndex(job)) this.#lookAtFailedIndexes(tracked, total);
    if (!this.finished) {
      const met = metSuccessRule(job.spec.successPolicy, this.succeededIndexes, completions);
      if (met !== undefined)
        this.finished = newCondition('SuccessCriteriaMet', this.#say('SuccessPolicy', met));
    }
    return total;
  }

  #lookAtFailedIndexes(tracked: readonly Pod[], succeeded: number): void {
    const { job, completions } = this;
    const before = parseIntervals(job.status.failedIndexes ?? '', completions);
    const failed = indexesOf(tracked.filter((pod) => this.#failsIndex(pod)));
    this.failedIndexes = withIndexes(before, failed);
    const total = countIndexes(this.failedIndexes);
    if (!this.finished) {
      const { maxFailedIndexes } = job.spec;
      if (maxFailedIndexes !== undefined && total > maxFailedIndexes)
        this.#fail(
          'MaxFailedIndexesExceeded',
          'Job has exceeded the specified maximal number of failed indexes',
        );
      else if (total > 0 && total + succeeded >= completions)
        this.#fail('FailedIndexes', 'Job has failed indexes');
    }
    this.delayed = this.#delayedPods();
  }

  #failsIndex(pod: Pod): boolean {
    if (!isFailed(pod, this.job)) return false;
    const { action, isCounted } = judgeFailure(this.job, pod);
    if (action === 'FailIndex') return true;
    return isCounted && failureCount(pod) >= this.job.spec.backoffLimitPerIndex!;
  }

  #delayedPods(): ReadonlyMap<number, Pod> {
    const active = indexesOf(this.#activePods);
    const delayed = new Map<number, Pod>();
    for (const pod of this.#valid(new Set())) {
      const index = indexOf(pod);
      if (!isFailed(pod, this.job) || active.has(index)) continue;
      if (hasIndex(this.succeededIndexes, index) || hasIndex(this.failedIndexes ?? [], index))
        continue;
      const known = delayed.get(index);
      if (
        !known ||
        (absoluteFailureCount(known) <= absoluteFailureCount(pod) &&
          finishedAt(pod) >= finishedAt(known))
      )
        delayed.set(index, pod);
    }
    return delayed;
  }

  /** The Job is over: every active pod goes. */
  async #stopPods(): Promise<Error | undefined> {
    const all = this.#activePods;
    const results = await Promise.allSettled(
      all.map((pod) => deletePod(this.context, this.job, pod)),
    );
    const failed = results.filter((result) => result.status === 'rejected');
    const deleted = all.length - failed.length;
    if (failed.length > 0) this.finished = undefined;
    this.#gone(deleted, all);
    return failed[0] && asError(failed[0].reason);
  }

  #gone(count: number, among: readonly Pod[]): void {
    this.#active -= count;
    this.terminating += count;
    this.#ready -= among.filter(isReady).length;
  }

  async #managePods(succeeded: number): Promise<Error | undefined> {
    const { job } = this;
    let failure: Error | undefined;
    if (!job.metadata.deletionTimestamp) failure = await this.#resize(succeeded);
    const isComplete =
      job.spec.completions === undefined
        ? succeeded > 0 && this.#active === 0
        : succeeded >= job.spec.completions && this.#active === 0;
    if (isComplete) {
      const said = this.#say('CompletionsReached', 'Reached expected number of succeeded pods');
      this.finished = newCondition('SuccessCriteriaMet', said);
    } else if (!job.metadata.deletionTimestamp) this.#noteSuspension();
    return failure;
  }

  #noteSuspension(): void {
    const suspended = isSuspended(this.job);
    const said = suspended
      ? this.#say('JobSuspended', 'Job suspended')
      : this.#say('JobResumed', 'Job resumed');
    const condition = newCondition('Suspended', said, suspended ? 'True' : 'False');
    const conditions = ensured(this.status.conditions, condition);
    if (!conditions) return;
    this.status.conditions = conditions;
    this.isSuspensionNews = true;
    const { events } = this.context;
    events.record(this.job, 'Normal', suspended ? 'Suspended' : 'Resumed', said.message);
    if (suspended) delete this.status.startTime;
    else this.status.startTime = condition.lastTransitionTime!;
  }

  async #resize(succeeded: number): Promise<Error | undefined> {
    const { job } = this;
    const active = this.#active;
    if (isSuspended(job)) return await this.#remove(podsToRemove(job, this.#activePods, active));
    const wanted = this.#wanted(succeeded);
    const surplus = podsToRemove(job, this.#activePods, Math.max(0, active - wanted));
    if (surplus.length > 0) return await this.#remove(surplus.slice(0, mostPerPass));
    const missing = wanted - active - (replacesOnlyFailed(job) ? this.terminating : 0);
    if (missing <= 0) return undefined;
    const wait = isPerIndex(job) ? 0 : untilRetry(this.record, this.context.clock);
    if (wait > 0) {
      this.#again(wait);
      return undefined;
    }
    return await this.#create(Math.min(missing, mostPerPass));
  }

  #wanted(succeeded: number): number {
    const { completions, parallelism = 1 } = this.job.spec;
    if (completions === undefined) return succeeded > 0 ? this.#active : parallelism;
    return Math.max(0, Math.min(completions - succeeded, parallelism));
  }

  async #remove(list: readonly Pod[]): Promise<Error | undefined> {
    const results = await Promise.allSettled(
      list.map(async (pod) => {
        await removeFinalizer(this.context, pod);
        await deletePod(this.context, this.job, pod);
      }),
    );
    const failed = results.filter((result) => result.status === 'rejected');
    this.#gone(list.length - failed.length, list);
    return failed[0] && asError(failed[0].reason);
  }

  async #create(count: number): Promise<Error | undefined> {
    const { job } = this;
    const indexes = isIndexed(job) ? this.#indexesToAdd(count) : undefined;
    if (indexes?.length === 0) return undefined;
    const template = trackedTemplate(job);
    const reference = controllerReference(jobs, job);
    let created = 0;
    try {
      await slowStart(indexes?.length ?? count, async (at) => {
        const index = indexes?.[at];
        const replaces = index === undefined ? undefined : this.delayed.get(index);
        const pod = newPod(job, { template, reference, index, replaces });
        await createPod(this.context, job, pod);
        created++;
      });
      return undefined;
    } catch (error) {
      return asError(error);
    } finally {
      this.#active += created;
    }
  }

  #indexesToAdd(count: number): readonly number[] {
    const { job, completions } = this;
    let taken = withIndexes(this.succeededIndexes, indexesOf(this.#activePods));
    if (replacesOnlyFailed(job))
      taken = withIndexes(taken, indexesOf(this.owned.filter(isTerminating)));
    taken = mergeIntervals(taken, this.failedIndexes ?? []);
    const free = firstFree(taken, count, completions);
    if (!isPerIndex(job)) return free;
    const waits = free.map((index) => this.#untilIndexRetry(index));
    const due = free.filter((_, at) => waits[at] === 0);
    if (due.length === 0 && free.length > 0) this.#again(Math.min(...waits));
    return due;
  }

  #untilIndexRetry(index: number): number {
    const last = this.delayed.get(index);
    if (!last) return 0;
    const record = { failures: absoluteFailureCount(last) + 1, lastFailure: finishedAt(last) };
    return untilRetry(record, this.context.clock);
  }
}

const isSucceeded = (pod: Pod): boolean => pod.status.phase === 'Succeeded';
