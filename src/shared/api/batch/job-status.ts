import type { Job, JobStatus } from '#shared/api/types/batch-v1.ts';
import { firstOverlap, indexCount } from '#shared/api/batch/indexes.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { nonNegative } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import {
  duplicateValue,
  invalidUnshown,
  invalidValue,
  required,
} from '#shared/kube/field-error.ts';

const counters = ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const;

/** Both versions of a job, and which members of the status differ. */
interface Change {
  readonly job: Job;
  readonly status: JobStatus;
  readonly old: JobStatus;
  changed(...members: readonly (keyof JobStatus)[]): boolean;
  toggled(...types: readonly string[]): boolean;
}

export function* validateJobStatus(job: Job, oldJob: Job): Iterable<FieldError> {
  const status = job.status ?? {};
  const old = oldJob.status ?? {};
  const change: Change = {
    job,
    status,
    old,
    changed: (...members) => members.some((member) => !semanticEqual(status[member], old[member])),
    toggled: (...types) => types.some((type) => isTrue(status, type) !== isTrue(old, type)),
  };
  for (const member of counters) yield* nonNegative(status[member], `status.${member}`);
  yield* validateUncounted(status);
  yield* validateOutcome(change);
  yield* validateFinished(change);
  yield* validateIndexes(change);
  yield* validateRunning(change);
  yield* validateCriteria(status, job);
  yield* validateHistory(change);
}

export function isTrue({ conditions }: JobStatus, type: string): boolean {
  return (conditions ?? []).some(
    (condition) => condition.type === type && condition.status === 'True',
  );
}

function isFinished(status: JobStatus): boolean {
  return isTrue(status, 'Complete') || isTrue(status, 'Failed');
}

function* validateUncounted({ uncountedTerminatedPods: pods }: JobStatus): Iterable<FieldError> {
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed'] as const) {
    for (const [index, uid] of (pods?.[list] ?? []).entries()) {
      const field = `status.uncountedTerminatedPods.${list}[${index}]`;
      if (!uid) yield invalidValue(field, uid, 'must not be empty');
      else if (seen.has(uid)) yield duplicateValue(field, uid);
      seen.add(uid);
    }
  }
}

function* validateOutcome({ status, changed, toggled }: Change): Iterable<FieldError> {
  const field = 'status.conditions';
  const isComplete = isTrue(status, 'Complete');
  const { startTime, completionTime } = status;
  if (toggled('Complete', 'Failed') && isComplete && isTrue(status, 'Failed')) {
    yield invalidUnshown(field, 'cannot set Complete=True and Failed=true conditions');
  }
  if (toggled('Complete', 'FailureTarget') && isComplete && isTrue(status, 'FailureTarget')) {
    yield invalidUnshown(field, 'cannot set Complete=True and FailureTarget=true conditions');
  }
  if (toggled('Complete') || changed('completionTime')) {
    if (completionTime && !isComplete) {
      yield invalidValue(
        'status.completionTime',
        completionTime,
        'cannot set completionTime when there is no Complete=True condition',
      );
    }
    if (!completionTime && isComplete) {
      yield required('status.completionTime', 'completionTime is required for Complete jobs');
    }
  }
  if (changed('startTime', 'completionTime') && startTime && completionTime) {
    if (completionTime < startTime) {
      yield invalidValue(
        'status.completionTime',
        completionTime,
        'must be equal to or after `startTime`',
      );
    }
  }
  if (toggled('Failed') || changed('failedIndexes')) {
    if (isTrue(status, 'Failed') && !isTrue(status, 'FailureTarget')) {
      yield invalidUnshown(
        field,
        'cannot set Failed=True condition without the FailureTarget=true condition',
      );
    }
  }
  if (toggled('Complete', 'SuccessCriteriaMet')) {
    if (isComplete && !isTrue(status, 'SuccessCriteriaMet')) {
      yield invalidUnshown(
        field,
        'cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
      );
    }
  }
}

function* validateFinished({ job, status, old, changed }: Change): Iterable<FieldError> {
  if (!isFinished(status)) return;
  const isNew = !isFinished(old);
  const { active = 0, uncountedTerminatedPods: pods } = status;
  if ((isNew || changed('active')) && active > 0) {
    yield invalidValue('status.active', active, 'active>0 is invalid for finished job');
  }
  const hadNothingToDo = job.spec.suspend === true && job.spec.completions === 0;
  if ((isNew || changed('startTime')) && !hadNothingToDo && !status.startTime) {
    yield required('status.startTime', 'startTime is required for finished job');
  }
  const uncounted = (pods?.failed?.length ?? 0) + (pods?.succeeded?.length ?? 0);
  if ((isNew || changed('uncountedTerminatedPods')) && uncounted > 0) {
    yield invalidValue('status.uncountedTerminatedPods', pods, 'must be empty for finished job');
  }
}

function* validateIndexes({ job, status, changed }: Change): Iterable<FieldError> {
  const { completions, backoffLimitPerIndex, completionMode } = job.spec;
  const { completedIndexes = '', failedIndexes } = status;
  const hasNewCompleted = changed('completedIndexes');
  const hasNewFailed = changed('failedIndexes');
  if (hasNewCompleted && completions !== undefined) {
    const count = indexCount(completedIndexes, completions);
    if (typeof count === 'string') {
      yield invalidValue(
        'status.completedIndexes',
        completedIndexes,
        `error parsing completedIndexes: ${count}`,
      );
    }
  }
  if (hasNewFailed && completions !== undefined && backoffLimitPerIndex !== undefined) {
    const count = indexCount(failedIndexes ?? '', completions);
    if (typeof count === 'string') {
      yield invalidValue(
        'status.failedIndexes',
        failedIndexes,
        `error parsing failedIndexes: ${count}`,
      );
    }
  }
  if (hasNewCompleted && completedIndexes && completionMode !== 'Indexed') {
    yield invalidValue(
      'status.completedIndexes',
      completedIndexes,
      'cannot set non-empty completedIndexes when non-indexed completion mode',
    );
  }
  if (hasNewFailed && failedIndexes !== undefined && backoffLimitPerIndex === undefined) {
    yield invalidValue(
      'status.failedIndexes',
      failedIndexes,
      'cannot set non-null failedIndexes when backoffLimitPerIndex is null',
    );
  }
  if (!hasNewFailed && !hasNewCompleted) return;
  if (completions === undefined || failedIndexes === undefined) return;
  const overlap = firstOverlap(completedIndexes, failedIndexes, completions);
  if (overlap !== undefined) {
    yield invalidValue(
      'status.failedIndexes',
      failedIndexes,
      `failedIndexes and completedIndexes overlap at index: ${overlap}`,
    );
  }
}

function* validateRunning({ status, old, changed }: Change): Iterable<FieldError> {
  const { terminating = 0, ready = 0, active = 0 } = status;
  const isNew = isFinished(status) !== isFinished(old);
  if ((isNew || changed('terminating')) && terminating > 0 && isFinished(status)) {
    yield invalidValue(
      'status.terminating',
      terminating,
      'terminating>0 is invalid for finished job',
    );
  }
  if (changed('ready', 'active') && ready > active) {
    yield invalidValue('status.ready', ready, 'cannot set more ready pods than active');
  }
}

function* validateCriteria(status: JobStatus, { spec }: Job): Iterable<FieldError> {
  const field = 'status.conditions';
  const isMet = isTrue(status, 'SuccessCriteriaMet');
  if (isMet && isTrue(status, 'Failed')) {
    yield invalidUnshown(field, 'cannot set SuccessCriteriaMet=True and Failed=true conditions');
  }
  if (isMet && isTrue(status, 'FailureTarget')) {
    yield invalidUnshown(
      field,
      'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions',
    );
  }
  if (spec.successPolicy && !isMet && isTrue(status, 'Complete')) {
    yield invalidUnshown(
      field,
      'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True',
    );
  }
}

function* validateHistory({ job, status, old, changed }: Change): Iterable<FieldError> {
  const { spec } = job;
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (!isTrue(old, type) || isTrue(status, type)) continue;
    yield invalidUnshown('status.conditions', `cannot disable the terminal ${type}=True condition`);
  }
  yield* notDecreased(status, old, 'failed');
  const isElastic = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (!isElastic) yield* notDecreased(status, old, 'succeeded');
  if (status.completionTime && old.completionTime && changed('completionTime')) {
    yield invalidValue('status.completionTime', status.completionTime, 'field is immutable');
  }
  const isResuming =
    isTrue(old, 'Suspended') &&
    (status.conditions ?? []).some(
      ({ type, status: value }) => type === 'Suspended' && value === 'False',
    );
  if (old.startTime && changed('startTime') && !isResuming && !spec.suspend) {
    yield invalidValue(
      'status.startTime',
      status.startTime,
      'field is immutable for unsuspended job once set',
    );
  }
  const wasMet = isTrue(old, 'SuccessCriteriaMet');
  const isMet = isTrue(status, 'SuccessCriteriaMet');
  if (wasMet && !isMet) {
    yield invalidUnshown(
      'status.conditions',
      'cannot disable the SuccessCriteriaMet=True condition',
    );
  }
  if (isTrue(old, 'Complete') && !wasMet && isMet) {
    yield invalidUnshown(
      'status.conditions',
      'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions',
    );
  }
}

function* notDecreased(
  status: JobStatus,
  old: JobStatus,
  member: 'failed' | 'succeeded',
): Iterable<FieldError> {
  const count = status[member] ?? 0;
  if (count < (old[member] ?? 0)) {
    yield invalidValue(`status.${member}`, count, `cannot decrease the ${member} counter`);
  }
}
