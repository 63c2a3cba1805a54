import type { Job, JobCondition, JobStatus } from '#shared/api/types/batch-v1.ts';
import { timestamp } from '#shared/client/events.ts';
import { conditionOf } from '../conditions.ts';

type Type = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Suspended';

export interface Said {
  readonly reason: string;
  readonly message: string;
  readonly now: number;
}

export function newCondition(
  type: Type,
  { reason, message, now }: Said,
  status = 'True',
): JobCondition {
  const at = timestamp(now);
  return { type, status, lastProbeTime: at, lastTransitionTime: at, reason, message };
}

/** The same as another type of condition, said now. */
export function restated(
  type: Type,
  { reason = '', message = '' }: JobCondition,
  now: number,
): JobCondition {
  return newCondition(type, { reason, message, now });
}

/** `undefined` if the conditions say so already; a condition that does not hold is not begun. */
export function ensured(
  conditions: readonly JobCondition[] | undefined,
  condition: JobCondition,
): readonly JobCondition[] | undefined {
  const known = conditionOf(conditions, condition.type);
  if (!known) return condition.status === 'False' ? undefined : [...(conditions ?? []), condition];
  const isSame =
    known.status === condition.status &&
    known.reason === condition.reason &&
    known.message === condition.message;
  return isSame ? undefined : conditions!.map((one) => (one === known ? condition : one));
}

export function trueCondition({ conditions }: JobStatus, type: Type): JobCondition | undefined {
  const condition = conditionOf(conditions, type);
  return condition?.status === 'True' ? condition : undefined;
}

/** Complete or failed for good. */
export function isFinished({ status }: Job): boolean {
  return Boolean(trueCondition(status, 'Complete') ?? trueCondition(status, 'Failed'));
}
