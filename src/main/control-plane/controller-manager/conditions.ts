import type { Clock } from '#shared/base/clock.ts';
import { timestamp } from '#shared/client/events.ts';

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export function conditionOf<C extends { readonly type: string }>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return conditionOf(conditions, type)?.status === 'True';
}

/** Replaces the condition of that type, at the end; a same status and reason changes nothing. */
export function withCondition<C extends Condition>(
  conditions: readonly C[] | undefined,
  condition: C,
): readonly C[] {
  const known = conditionOf(conditions, condition.type);
  if (known && known.status === condition.status && known.reason === condition.reason)
    return conditions!;
  return [...withoutCondition(conditions, condition.type), condition];
}

export function withoutCondition<C extends { readonly type: string }>(
  conditions: readonly C[] | undefined,
  type: string,
): readonly C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

/** The time that is written into conditions. */
export function nowText(clock: Clock): string {
  return timestamp(clock.now());
}
