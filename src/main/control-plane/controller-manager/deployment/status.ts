import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from '#shared/api/types/apps-v1.ts';
import { ageOf, type Clock } from '#shared/base/clock.ts';
import { timestamp } from '#shared/client/events.ts';
import { conditionOf, withoutCondition } from '../conditions.ts';
import { compact, timeOf } from '../values.ts';
import { desired, hasProgressDeadline, maxUnavailable, sumOf, total } from './plan.ts';

export interface Sets {
  readonly newSet: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
}

export function newCondition(
  type: 'Available' | 'Progressing' | 'ReplicaFailure',
  status: 'True' | 'False' | 'Unknown',
  said: { readonly reason: string; readonly message: string; readonly now: number },
): DeploymentCondition {
  const at = timestamp(said.now);
  const { reason, message } = said;
  return { type, status, lastUpdateTime: at, lastTransitionTime: at, reason, message };
}

/** As SetDeploymentCondition: the transition time stays while the status does. */
export function withDeploymentCondition(
  conditions: readonly DeploymentCondition[] | undefined,
  condition: DeploymentCondition,
): readonly DeploymentCondition[] {
  const known = conditionOf(conditions, condition.type);
  if (known?.status === condition.status && known.reason === condition.reason) return conditions!;
  const { lastTransitionTime } = known?.status === condition.status ? known : condition;
  return [
    ...withoutCondition(conditions, condition.type),
    { ...condition, ...(lastTransitionTime && { lastTransitionTime }) },
  ];
}

/** Counts and availability, without progress. */
export function plainStatus(
  deployment: Deployment,
  { newSet, old }: Sets,
  now: number,
): DeploymentStatus {
  const all = [...old, newSet];
  const available = sumOf(all, 'availableReplicas');
  const isEnough = available >= desired(deployment) - maxUnavailable(deployment);
  const terminating = terminatingOf(all);
  const { collisionCount, conditions } = deployment.status ?? {};
  const availability = isEnough
    ? newCondition('Available', 'True', {
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
        now,
      })
    : newCondition('Available', 'False', {
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
        now,
      });
  return {
    ...compact({
      observedGeneration: deployment.metadata.generation ?? 0,
      replicas: sumOf(all, 'replicas'),
      updatedReplicas: sumOf([newSet], 'replicas'),
      readyReplicas: sumOf(all, 'readyReplicas'),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, total(all) - available),
    }),
    ...(terminating !== undefined && { terminatingReplicas: terminating }),
    ...(collisionCount !== undefined && { collisionCount }),
    conditions: withDeploymentCondition(conditions, availability),
  };
}

function terminatingOf(all: readonly (ReplicaSet | undefined)[]): number | undefined {
  let sum = 0;
  for (const set of all) {
    if (!set) continue;
    const { terminatingReplicas, observedGeneration = 0 } = set.status ?? {};
    if (terminatingReplicas !== undefined) sum += terminatingReplicas;
    else if (observedGeneration !== 0) return undefined;
  }
  return sum;
}

/** The same with what can be said of the rollout's progress. */
export function rolloutStatus(deployment: Deployment, sets: Sets, clock: Clock): DeploymentStatus {
  const now = clock.now();
  const plain = plainStatus(deployment, sets, now);
  let conditions = plain.conditions ?? [];
  const current = conditionOf(deployment.status?.conditions, 'Progressing');
  const isComplete =
    (plain.replicas ?? 0) === (plain.updatedReplicas ?? 0) &&
    current?.reason === 'NewReplicaSetAvailable';
  if (!hasProgressDeadline(deployment)) conditions = withoutCondition(conditions, 'Progressing');
  else if (!isComplete)
    conditions = withProgress(deployment, { ...plain, conditions }, { sets, clock });
  const failure = failureOf(sets);
  conditions = failure
    ? withDeploymentCondition(conditions, failure)
    : withoutCondition(conditions, 'ReplicaFailure');
  return { ...plain, conditions };
}

function withProgress(
  deployment: Deployment,
  status: DeploymentStatus,
  { sets: { newSet }, clock }: { readonly sets: Sets; readonly clock: Clock },
): readonly DeploymentCondition[] {
  const { conditions = [] } = status;
  const now = clock.now();
  const what = newSet
    ? `ReplicaSet "${newSet.metadata.name}"`
    : `Deployment "${deployment.metadata.name}"`;
  if (isDeploymentComplete(deployment, status)) {
    const message = `${what} has successfully progressed.`;
    const said = { reason: 'NewReplicaSetAvailable', message, now };
    return withDeploymentCondition(conditions, newCondition('Progressing', 'True', said));
  }
  if (isProgressing(deployment, status)) {
    const said = { reason: 'ReplicaSetUpdated', message: `${what} is progressing.`, now };
    const condition = newCondition('Progressing', 'True', said);
    const current = conditionOf(deployment.status?.conditions, 'Progressing');
    // Progress moves the update time even under the same reason.
    const kept = current?.status === 'True' ? current.lastTransitionTime : undefined;
    const others = withoutCondition(conditions, 'Progressing');
    return [...others, { ...condition, ...(kept && { lastTransitionTime: kept }) }];
  }
  if (isTimedOut(deployment, conditions, clock)) {
    const message = `${what} has timed out progressing.`;
    const said = { reason: 'ProgressDeadlineExceeded', message, now };
    return withDeploymentCondition(conditions, newCondition('Progressing', 'False', said));
  }
  return conditions;
}

/** All replicas are updated and available, and no old ones are left. */
export function isDeploymentComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = desired(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function isProgressing({ status: before }: Deployment, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus): number =>
    (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function isTimedOut(
  deployment: Deployment,
  conditions: readonly DeploymentCondition[],
  clock: Clock,
): boolean {
  const condition = conditionOf(conditions, 'Progressing');
  if (!condition || condition.reason === 'NewReplicaSetAvailable') return false;
  if (condition.reason === 'ProgressDeadlineExceeded') return true;
  const seconds = deployment.spec.progressDeadlineSeconds ?? 0;
  return ageOf(clock, timeOf(condition.lastUpdateTime)) > seconds * 1000;
}

/** How long until progress must be looked at again, when nothing else happens. */
export function untilProgressCheck(
  deployment: Deployment,
  status: DeploymentStatus,
  clock: Clock,
): number | undefined {
  const current = conditionOf(deployment.status?.conditions, 'Progressing');
  if (!hasProgressDeadline(deployment) || !current) return undefined;
  if (isDeploymentComplete(deployment, status)) return undefined;
  if (current.reason === 'ProgressDeadlineExceeded') return undefined;
  const seconds = deployment.spec.progressDeadlineSeconds ?? 0;
  const left = seconds * 1000 - ageOf(clock, timeOf(current.lastUpdateTime));
  return left < 1000 ? Math.max(5, left) : left + 1000;
}

/** The new ReplicaSet's failure before those of old ones. */
function failureOf({ newSet, old }: Sets): DeploymentCondition | undefined {
  for (const set of [newSet, ...old]) {
    const found = conditionOf(set?.status?.conditions, 'ReplicaFailure');
    if (!found) continue;
    const { lastTransitionTime } = found;
    return { ...found, ...(lastTransitionTime && { lastUpdateTime: lastTransitionTime }) };
  }
  return undefined;
}
