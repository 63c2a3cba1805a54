import { cronJobs } from '#shared/api/batch/cron-job.ts';
import { jobs } from '#shared/api/batch/job.ts';
import type { CronJob, CronJobStatus, Job } from '#shared/api/types/batch-v1.ts';
import type { ObjectReference } from '#shared/api/types/core-v1.ts';
import { timestamp } from '#shared/client/events.ts';
import {
  controller,
  trigger,
  type Controller,
  type Outcome,
  type ReconcileContext,
} from '#shared/kube/controller.ts';
import { parseCron, type CronSchedule } from '#shared/kube/cron.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { controllerOf, controllerReference } from '#shared/kube/owners.ts';
import { timeZoneProblem } from '#shared/kube/time-zone.ts';
import { countMissed, dueTime, mostCounted, untilNext, zonedTime } from './cron-job/schedule.ts';
import { isFinished, trueCondition } from './job/conditions.ts';
import { isNamespaceTerminating } from './pods/pod-control.ts';
import { messageOf, timeOf } from './values.ts';

/** Makes a Job at each scheduled time. `zone` is that of schedules that name none. */
export function createCronJobController({ zone = 'UTC' } = {}): Controller<CronJob> {
  /** Up to which sleep each CronJob's missed times were told. */
  const told = new Map<string, number>();
  return controller<CronJob>({
    name: 'cronjob-controller',
    watches: cronJobs,
    followsWall: true,
    owns: [jobs],
    wakes({ before, after }) {
      const key = keyOf((after ?? before)!.metadata);
      if (!before || !after) return [key];
      const isRescheduled =
        before.spec.schedule !== after.spec.schedule ||
        before.spec.timeZone !== after.spec.timeZone;
      if (!isRescheduled) return [key];
      const schedule = scheduleOf(after, zone);
      return schedule instanceof Error ? [] : [key];
    },
    triggers: [
      trigger(jobs, ({ before, after }) => {
        const owner = controllerOf((after ?? before)!.metadata);
        if (owner?.kind !== 'CronJob') return [];
        const { namespace } = (after ?? before)!.metadata;
        return [keyOf({ namespace, name: owner.name })];
      }),
    ],
    reconcile: (cronJob, context) => new Pass(cronJob, { context, zone, told }).run(),
    async gone({ key }) {
      told.delete(key);
    },
  });
}

function scheduleOf({ spec }: CronJob, zone: string): CronSchedule | Error {
  try {
    const hasOwnZone = spec.schedule.includes('TZ');
    return parseCron(spec.schedule, hasOwnZone ? zone : (spec.timeZone ?? zone));
  } catch (error) {
    return error as Error;
  }
}

type Draft = { -readonly [K in keyof CronJobStatus]: CronJobStatus[K] };

interface PassOptions {
  readonly context: ReconcileContext;
  readonly zone: string;
  readonly told: Map<string, number>;
}

class Pass {
  readonly #cronJob: CronJob;
  readonly #context: ReconcileContext;
  readonly #zone: string;
  readonly #told: Map<string, number>;
  readonly #now: number;
  readonly #status: Draft;
  #active: readonly ObjectReference[];
  #isNews = false;

  constructor(cronJob: CronJob, { context, zone, told }: PassOptions) {
    this.#cronJob = cronJob;
    this.#context = context;
    this.#zone = zone;
    this.#told = told;
    this.#now = context.clock.now();
    this.#status = { ...cronJob.status };
    this.#active = cronJob.status.active ?? [];
  }

  async run(): Promise<Outcome | void> {
    const children = this.#children();
    await this.#removeOld(children);
    let outcome: Outcome | void = undefined;
    let failure: unknown;
    try {
      outcome = await this.#sync(children);
    } catch (error) {
      failure = error;
    }
    if (this.#isNews) await this.#writeStatus();
    if (failure && !outcome?.afterMs) throw failure as Error;
    return outcome;
  }

  #children(): Job[] {
    const { name, namespace } = this.#cronJob.metadata;
    const children: Job[] = [];
    for (const job of this.#context.cache.inNamespace(jobs, namespace!))
      if (controllerOf(job.metadata)?.name === name) children.push(job);
    return children;
  }

  async #writeStatus(): Promise<void> {
    const { active: _, ...others } = this.#status;
    const status = { ...others, ...(this.#active.length > 0 && { active: this.#active }) };
    await this.#context.cluster.updateStatus(cronJobs, { ...this.#cronJob, status });
  }

  #tell(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.events.record(this.#cronJob, type, reason, message);
  }

  async #removeOld(children: readonly Job[]): Promise<void> {
    const { successfulJobsHistoryLimit: successful, failedJobsHistoryLimit: failed } =
      this.#cronJob.spec;
    const ended = (type: 'Complete' | 'Failed'): Job[] =>
      children.filter((job) => trueCondition(job.status, type)).sort(byStart);
    for (const [limit, list] of [
      [successful, ended('Complete')],
      [failed, ended('Failed')],
    ] as const)
      if (limit !== undefined)
        for (const job of list.slice(0, Math.max(0, list.length - limit)))
          if (await this.#delete(job)) this.#isNews = true;
  }

  async #delete({ metadata: { namespace, name, uid } }: Job): Promise<boolean> {
    try {
      const call = { propagationPolicy: 'Background' } as const;
      await this.#context.cluster.delete(jobs, { namespace, name }, call);
    } catch (error) {
      this.#tell('Warning', 'FailedDelete', `Deleted job: ${messageOf(error)}`);
      return false;
    }
    this.#forget(uid);
    this.#tell('Normal', 'SuccessfulDelete', `Deleted job ${name}`);
    return true;
  }

  #forget(uid: string | undefined): void {
    this.#active = this.#active.filter((one) => one.uid !== uid);
  }

  #isActive(uid: string): boolean {
    return this.#active.some((one) => one.uid === uid);
  }

  async #sync(children: readonly Job[]): Promise<Outcome | void> {
    for (const job of children) this.#observe(job);
    await this.#dropMissing(children);
    const { metadata, spec } = this.#cronJob;
    if (metadata.deletionTimestamp) return undefined;
    const why = spec.timeZone === undefined ? undefined : timeZoneProblem(spec.timeZone);
    if (why !== undefined) {
      const message = `invalid timeZone: ${JSON.stringify(spec.timeZone)}: ${why}`;
      this.#tell('Warning', 'UnknownTimeZone', message);
      return undefined;
    }
    if (spec.suspend) return undefined;
    if (spec.schedule.includes('TZ'))
      this.#tell(
        'Warning',
        'UnsupportedSchedule',
        `CRON_TZ or TZ used in schedule ${JSON.stringify(spec.schedule)} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`,
      );
    const schedule = scheduleOf(this.#cronJob, this.#zone);
    if (schedule instanceof Error) {
      const message = `unparseable schedule: ${JSON.stringify(spec.schedule)} : ${schedule.message}`;
      this.#tell('Warning', 'UnparseableSchedule', message);
      return undefined;
    }
    return await this.#start(schedule);
  }

  #observe(job: Job): void {
    const { uid, name } = job.metadata;
    const isKnown = this.#isActive(uid);
    if (!isFinished(job)) {
      if (isKnown) return;
      const message = `Saw a job that the controller did not create or forgot: ${name}`;
      this.#tell('Warning', 'UnexpectedJob', message);
      return;
    }
    const isComplete = trueCondition(job.status, 'Complete') !== undefined;
    if (isKnown) {
      this.#forget(uid);
      this.#isNews = true;
      const condition = isComplete ? 'Complete' : 'Failed';
      const message = `Saw completed job: ${name}, condition: ${condition}`;
      this.#tell('Normal', 'SawCompletedJob', message);
    }
    const { completionTime } = job.status;
    if (!isComplete || !completionTime) return;
    if (timeOf(completionTime) <= timeOf(this.#status.lastSuccessfulTime)) return;
    this.#status.lastSuccessfulTime = completionTime;
    this.#isNews = true;
  }

  async #dropMissing(children: readonly Job[]): Promise<void> {
    const there = new Set(children.map(({ metadata }) => metadata.uid));
    for (const { uid, namespace, name = '' } of this.#active) {
      if (there.has(uid ?? '')) continue;
      try {
        await this.#context.cluster.get(jobs, { namespace, name });
      } catch (error) {
        if (!ApiError.is(error, 'NotFound')) throw error;
        this.#tell('Normal', 'MissingJob', `Active job went missing: ${name}`);
        this.#forget(uid);
        this.#isNews = true;
      }
    }
  }

  async #start(schedule: CronSchedule): Promise<Outcome | void> {
    const { spec, metadata, status } = this.#cronJob;
    const now = this.#now;
    this.#tellOfSleep(schedule);
    let due: number | undefined;
    try {
      const found = dueTime(this.#withStatus(), schedule, now);
      ({ due } = found);
      if (found.hasMissedMany && due !== undefined)
        this.#tell(
          'Warning',
          'TooManyMissedTimes',
          'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
        );
    } catch (error) {
      const message = `invalid schedule: ${spec.schedule} : ${messageOf(error)}`;
      this.#tell('Warning', 'InvalidSchedule', message);
      return undefined;
    }
    if (due === undefined) return this.#again(schedule);
    const { startingDeadlineSeconds: deadline, concurrencyPolicy } = spec;
    if (deadline !== undefined && due + deadline * 1000 < now) {
      const message = `Missed scheduled time to start a job: ${new Date(due).toUTCString().replace('GMT', '+0000')}`;
      this.#tell('Warning', 'MissSchedule', message);
      return this.#again(schedule);
    }
    const name = `${metadata.name}-${Math.trunc(due / 60_000)}`;
    const isStarted = this.#active.some(
      (one) => one.name === name && one.namespace === metadata.namespace,
    );
    if (isStarted || (status.lastScheduleTime && timeOf(status.lastScheduleTime) === due))
      return this.#again(schedule);
    if (concurrencyPolicy === 'Forbid' && this.#active.length > 0) {
      const message =
        'Not starting job because prior execution is running and concurrency policy is Forbid';
      this.#tell('Normal', 'JobAlreadyActive', message);
      return this.#again(schedule);
    }
    if (concurrencyPolicy === 'Replace') await this.#replaceActive();
    return (await this.#create(name, due)) ? this.#again(schedule) : undefined;
  }

  /** What becomes of the times missed is for the usual rules to decide; that there were some is said once. */
  #tellOfSleep(schedule: CronSchedule): void {
    const { key, clock } = this.#context;
    const sleep = clock.pauses?.last;
    if (!sleep || this.#told.get(key) === sleep.until) return;
    this.#told.set(key, sleep.until);
    const missed = countMissed(this.#withStatus(), schedule, sleep);
    if (missed === 0) return;
    const count = missed > mostCounted ? `More than ${mostCounted}` : String(missed);
    const times = missed === 1 ? 'start time was' : 'start times were';
    const message = `${count} ${times} missed while the control plane slept from ${timestamp(sleep.from)} to ${timestamp(sleep.until)}`;
    this.#tell('Warning', 'MissedWhileAsleep', message);
  }

  #withStatus(): CronJob {
    return { ...this.#cronJob, status: this.#status };
  }

  #again(schedule: CronSchedule): Outcome {
    return { afterMs: untilNext(this.#withStatus(), schedule, this.#now) };
  }

  async #replaceActive(): Promise<void> {
    for (const { namespace, name = '' } of this.#active) {
      let job: Job;
      try {
        job = await this.#context.cluster.get(jobs, { namespace, name });
      } catch (error) {
        this.#tell('Warning', 'FailedGet', `Get job: ${messageOf(error)}`);
        throw error;
      }
      if (!(await this.#delete(job))) throw new Error(`could not replace job ${namespace}/${name}`);
      this.#isNews = true;
    }
  }

  async #create(name: string, due: number): Promise<boolean> {
    const { spec, metadata } = this.#cronJob;
    const template = spec.jobTemplate;
    const { namespace } = metadata;
    let job: Job;
    try {
      job = await this.#context.cluster.create(jobs, {
        metadata: {
          name,
          namespace: namespace!,
          ...(template.metadata?.labels && { labels: template.metadata.labels }),
          annotations: {
            ...template.metadata?.annotations,
            'batch.kubernetes.io/cronjob-scheduled-timestamp': zonedTime(due, spec.timeZone),
          },
          ownerReferences: [controllerReference(cronJobs, this.#cronJob)],
        },
        spec: template.spec,
      });
      this.#tell('Normal', 'SuccessfulCreate', `Created job ${name}`);
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) {
        if (!isNamespaceTerminating(error))
          this.#tell('Warning', 'FailedCreate', `Error creating job: ${messageOf(error)}`);
        throw error;
      }
      job = await this.#context.cluster.get(jobs, { namespace, name });
      const isOurs = controllerOf(job.metadata)?.uid === metadata.uid;
      if (!isOurs || this.#isActive(job.metadata.uid)) return false;
    }
    this.#active = [...this.#active, referenceTo(job)];
    this.#status.lastScheduleTime = timestamp(due);
    this.#isNews = true;
    return true;
  }
}

function referenceTo({ metadata }: Job): ObjectReference {
  const { namespace, name, uid, resourceVersion } = metadata;
  return { kind: 'Job', namespace: namespace!, name, uid, apiVersion: 'batch/v1', resourceVersion };
}

/** Those that never started last. */
function byStart(a: Job, b: Job): number {
  const [left, right] = [a.status.startTime, b.status.startTime];
  if (!left || !right) return Number(!left) - Number(!right) || byName(a, b);
  return timeOf(left) - timeOf(right) || byName(a, b);
}

function byName(a: Job, b: Job): number {
  return a.metadata.name < b.metadata.name ? -1 : Number(a.metadata.name > b.metadata.name);
}
