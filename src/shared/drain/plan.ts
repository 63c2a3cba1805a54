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
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly budgets: readonly Budget[];
  /** Nothing will start it again elsewhere. */
  readonly isAlone: boolean;
  /** What it keeps in emptyDir volumes is lost. */
  readonly losesData: boolean;
}

export interface StayingPod {
  readonly key: string;
  /** A daemon set's; else the node runs it by itself. */
  readonly isDaemon: boolean;
}

export interface DrainPlan {
  readonly leaving: readonly LeavingPod[];
  /** Pods of daemon sets, and those that the node runs by itself: they stay. */
  readonly staying: readonly StayingPod[];
  /** More pods leave than these allow at once: the drain waits for them. */
  readonly tight: readonly Budget[];
}

const mirror = 'kubernetes.io/config.mirror';

/** What a drain of a node would do to its pods, as kubectl sorts them. Pods of other nodes are passed over. */
export function drainPlanOf(
  node: string,
  pods: Iterable<Pod>,
  budgets: Iterable<PodDisruptionBudget>,
): DrainPlan {
  const known = [...budgets];
  const leaving: LeavingPod[] = [];
  const staying: StayingPod[] = [];
  for (const pod of pods) {
    if (pod.spec.nodeName !== node) continue;
    const stays = staysOn(pod);
    if (stays) staying.push({ key: keyOf(pod.metadata), isDaemon: stays === 'daemon' });
    else leaving.push(leavingPod(pod, known));
  }
  const uses = new Map<string, number>();
  for (const { budgets: own } of leaving)
    for (const { key } of own) uses.set(key, (uses.get(key) ?? 0) + 1);
  const all = new Map(leaving.flatMap(({ budgets: own }) => own.map((one) => [one.key, one])));
  return {
    leaving: leaving.sort((a, b) => a.key.localeCompare(b.key)),
    staying: staying.sort((a, b) => a.key.localeCompare(b.key)),
    tight: [...all.values()].filter(({ key, allowed }) => (uses.get(key) ?? 0) > allowed),
  };
}

/** One that has ended may go, whoever made it; one that the node runs by itself never does. */
function staysOn({ metadata, status }: Pod): 'mirror' | 'daemon' | undefined {
  if (metadata.annotations?.[mirror] !== undefined) return 'mirror';
  const controller = metadata.ownerReferences?.find((owner) => owner.controller);
  return controller?.kind === 'DaemonSet' && !isOver(status) ? 'daemon' : undefined;
}

function isOver({ phase }: Pod['status']): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

function leavingPod(
  { metadata, spec, status }: Pod,
  budgets: readonly PodDisruptionBudget[],
): LeavingPod {
  const hasEnded = isOver(status);
  const { namespace = '', name, uid } = metadata;
  return {
    key: keyOf(metadata),
    namespace,
    name,
    uid,
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

/** Those whose end is for good: kubectl leaves them alone unless it is forced. */
export function unmanagedPods({ leaving }: DrainPlan): readonly string[] {
  return leaving.filter(({ isAlone }) => isAlone).map(({ key }) => key);
}

/** What kubectl warns of before it drains; '' where there is nothing to. */
export function drainWarning(plan: DrainPlan): string {
  const { leaving, staying } = plan;
  const scratch = leaving.filter(({ losesData }) => losesData).map(({ key }) => key);
  const daemons = staying.filter(({ isDaemon }) => isDaemon).map(({ key }) => key);
  const alone = unmanagedPods(plan);
  return [
    ...(daemons.length > 0 ? [`ignoring DaemonSet-managed Pods: ${daemons.join(', ')}`] : []),
    ...(scratch.length > 0 ? [`deleting Pods with local storage: ${scratch.join(', ')}`] : []),
    ...(alone.length > 0 ? [`deleting Pods that declare no controller: ${alone.join(', ')}`] : []),
  ].join('; ');
}
