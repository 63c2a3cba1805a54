import type { Pod, PodCondition } from '#shared/api/types/core-v1.ts';

export interface NewCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** The status patch that sets the condition; nothing when the pod says so already. */
export function conditionPatch(
  { metadata, status }: Pod,
  condition: NewCondition,
  now: number,
): { readonly conditions: readonly Partial<PodCondition>[] } | undefined {
  const known = status?.conditions?.find(({ type }) => type === condition.type);
  const observedGeneration = metadata.generation;
  const isSame =
    known?.status === condition.status &&
    (known.reason ?? '') === condition.reason &&
    (known.message ?? '') === condition.message &&
    (known.observedGeneration ?? 0) === (observedGeneration ?? 0);
  if (isSame) return undefined;
  const lastTransitionTime =
    known?.status === condition.status && known.lastTransitionTime
      ? known.lastTransitionTime
      : new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    conditions: [
      { ...condition, lastTransitionTime, ...(observedGeneration && { observedGeneration }) },
    ],
  };
}
