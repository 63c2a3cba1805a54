import type { Deployment, ReplicaSet } from '#shared/api/types/apps-v1.ts';
import type { Job } from '#shared/api/types/batch-v1.ts';
import type { Node, PersistentVolumeClaim, Pod } from '#shared/api/types/core-v1.ts';

/** What the diagnoses look at. */
export interface Facts {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  readonly deployments: readonly Deployment[];
  readonly replicaSets: readonly ReplicaSet[];
  readonly claims: readonly PersistentVolumeClaim[];
  readonly jobs: readonly Job[];
}

/** A place in the window where the problem is cured or seen closer. */
export interface Fix {
  readonly title: string;
  readonly section: string;
  readonly kind: string;
  readonly object: string;
}

/** One thing that is wrong. */
export interface Finding {
  /** Tells it from all others. */
  readonly id: string;
  readonly what: string;
  readonly why: string;
  /** The dearer, the further up: pods that do not serve, mostly. */
  readonly cost: number;
  /** `namespace/name` of whom it is about. */
  readonly about: string;
  /** The pod that shows it best, where there is one. */
  readonly pod?: string;
}

/** One kind of problem: one file, one line in the list. */
export interface Diagnosis {
  readonly name: string;
  /** Cheap: whether there is anything to look at. */
  applicable(facts: Facts): boolean;
  check(facts: Facts): readonly Finding[];
  fixes(finding: Finding): readonly Fix[];
}

/** A condition that is so. */
export function conditionOf<T extends { readonly type: string }>(
  object: { readonly status?: { readonly conditions?: readonly T[] } },
  type: string,
): T | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

export function isUnschedulable(pod: Pod): boolean {
  const scheduled = conditionOf(pod, 'PodScheduled');
  return scheduled?.status === 'False' && scheduled.reason === 'Unschedulable';
}

/** Without what the scheduler says about preemption after it. */
export function unschedulableText(pod: Pod): string {
  const message = conditionOf(pod, 'PodScheduled')?.message ?? 'no reason told';
  const [untilPreemption = message] = message.split(/ (?:no new claims|preemption:)/);
  return `cannot be scheduled: ${untilPreemption}`;
}
