import type { Pod } from '#shared/api/types/core-v1.ts';
import type { PodDisruptionBudget } from '#shared/api/types/policy-v1.ts';
import { selectorOf } from '#shared/kube/selectors.ts';
import { keyOf } from '#shared/kube/object.ts';

export interface Budget {
  /** `namespace/name`. */
  readonly key: string;
  readonly allowed: number;
  readonly healthy: number;
  readonly needed: number;
}

export interface LeavingPod {
  readonly key: string;
  readonly uid: string;
  readonly budgets: readonly Budget[];
  /** Nothing will start it again elsewhere. */
  readonly isAlone: boolean;
  /** What it keeps in emptyDir volumes is lost. */
  readonly losesData: boolean;
}

export interface DrainPlan {
  readonly leaving: readonly LeavingPod[];
  /** Pods of daemon sets, and those that the node runs by itself: they stay. */
  readonly staying: readonly string[];
  /** More pods leave than these allow at once: the drain waits for them. */
  readonly tight: readonly Budget[];
}

const mirror = 'kubernetes.io/config.mirror';

/** What a drain of a node would do to its pods, as kubectl sorts them. */
export function drainPlanOf(
  node: string,
  pods: Iterable<Pod>,
  budgets: Iterable<PodDisruptionBudget>,
): DrainPlan {
  const known = [...budgets];
  const leaving: LeavingPod[] = [];
  const staying: string[] = [];
  for (const pod of pods) {
    if (pod.spec.nodeName !== node) continue;
    if (staysOn(pod)) staying.push(keyOf(pod.metadata));
    else leaving.push(leavingPod(pod, known));
  }
  const uses = new Map<string, number>();
  for (const { budgets: own } of leaving)
    for (const { key } of own) uses.set(key, (uses.get(key) ?? 0) + 1);
  const all = new Map(leaving.flatMap(({ budgets: own }) => own.map((one) => [one.key, one])));
  return {
    leaving: leaving.sort((a, b) => a.key.localeCompare(b.key)),
    staying: staying.sort(),
    tight: [...all.values()].filter(({ key, allowed }) => (uses.get(key) ?? 0) > allowed),
  };
}

function staysOn({ metadata }: Pod): boolean {
  const controller = metadata.ownerReferences?.find((owner) => owner.controller);
  return controller?.kind === 'DaemonSet' || metadata.annotations?.[mirror] !== undefined;
}

function leavingPod(
  { metadata, spec, status }: Pod,
  budgets: readonly PodDisruptionBudget[],
): LeavingPod {
  const hasEnded = status.phase === 'Succeeded' || status.phase === 'Failed';
  return {
    key: keyOf(metadata),
    uid: metadata.uid,
    budgets: hasEnded
      ? []
      : budgets
          .filter(
            (budget) =>
              budget.metadata.namespace === metadata.namespace &&
              selectorOf(budget.spec.selector).matches(metadata.labels),
          )
          .map((budget) => ({
            key: keyOf(budget.metadata),
            allowed: budget.status.disruptionsAllowed,
            healthy: budget.status.currentHealthy,
            needed: budget.status.desiredHealthy,
          })),
    isAlone: !hasEnded && !metadata.ownerReferences?.some((owner) => owner.controller),
    losesData: !hasEnded && (spec.volumes ?? []).some(({ emptyDir }) => emptyDir !== undefined),
  };
}
