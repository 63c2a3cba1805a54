import { deployments } from '#shared/api/apps/deployment.ts';
import { replicaSets } from '#shared/api/apps/replica-set.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Deployment, ReplicaSet } from '#shared/api/types/apps-v1.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import {
  controller,
  trigger,
  type Outcome,
  type ReconcileContext,
} from '#shared/kube/controller.ts';
import { keyOf } from '#shared/kube/object.ts';
import { controllerOf } from '#shared/kube/owners.ts';
import { conditionOf } from './conditions.ts';
import { desiredReplicasAnnotation, rollbackAnnotation } from './deployment/annotations.ts';
import {
  desired,
  expendable,
  findActiveOrLatest,
  hasProgressDeadline,
  isActiveSet,
  isRolling,
  newSetSize,
  oldSetSizes,
  proportionalSizes,
  sumOf,
} from './deployment/plan.ts';
import { rollBack } from './deployment/rollback.ts';
import { Rollout } from './deployment/rollout.ts';
import {
  isDeploymentComplete,
  newCondition,
  plainStatus,
  rolloutStatus,
  untilProgressCheck,
  withDeploymentCondition,
  type Sets,
} from './deployment/status.ts';
import { claim, compiledSelector, orphanTrigger } from './pods/claim.ts';
import { isTerminal } from './pods/pod-state.ts';
import { integerOf } from './values.ts';

/** Rolls ReplicaSets from one pod template to the next. */
export const deploymentController = controller<Deployment>({
  name: 'deployment-controller',
  watches: deployments,
  owns: [replicaSets],
  reads: [pods],
  triggers: [
    orphanTrigger(replicaSets, deployments, ({ spec }) => compiledSelector(spec.selector)),
    // A Recreate rollout goes on once the last old pod is gone.
    trigger(pods, ({ before, after }, cache) => {
      const owner = controllerOf(before?.metadata);
      if (after || owner?.kind !== 'ReplicaSet') return [];
      const namespace = before!.metadata.namespace!;
      const set = cache.get(replicaSets, keyOf({ namespace, name: owner.name }));
      const name = controllerOf(set?.metadata)?.name;
      const deployment = name && cache.get(deployments, keyOf({ namespace, name }));
      return deployment && !isRolling(deployment) ? [keyOf(deployment.metadata)] : [];
    }),
  ],

  async reconcile(deployment, context) {
    const { events } = context;
    if (isEmptySelector(deployment)) {
      const message = 'This deployment is selecting all pods. A non-empty selector is required.';
      events.record(deployment, 'Warning', 'SelectingAll', message);
      return observe(deployment, context);
    }
    const selector = compiledSelector(deployment.spec.selector);
    const sets = await claim(
      { owner: deployment, ownerKind: deployments, selector, of: replicaSets },
      context,
    );
    const rollout = new Rollout(deployment, context);
    if (deployment.metadata.deletionTimestamp) {
      await rollout.writeStatus(plainStatus(deployment, await rollout.sync(sets), now(context)));
      return undefined;
    }
    await notePause(rollout, now(context));
    if (deployment.spec.paused) return await syncSize(rollout, sets);
    if (integerOf(deployment.metadata.annotations?.[rollbackAnnotation]) !== undefined)
      return await rollBack(rollout, sets);
    if (isScaling(rollout.deployment, await rollout.sync(sets)))
      return await syncSize(rollout, sets);
    return isRolling(deployment) ? await roll(rollout, sets) : await recreate(rollout, sets);
  },
});

const now = ({ clock }: ReconcileContext): number => clock.now();

function isEmptySelector({ spec: { selector } }: Deployment): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

async function observe(deployment: Deployment, { cluster }: ReconcileContext): Promise<void> {
  const { generation = 0 } = deployment.metadata;
  if ((deployment.status?.observedGeneration ?? 0) >= generation) return;
  const status = { ...deployment.status, observedGeneration: generation };
  await cluster.updateStatus(deployments, { ...deployment, status });
}

/** Pausing and resuming are written down, so that a pause never counts as lack of progress. */
async function notePause(rollout: Rollout, at: number): Promise<void> {
  const { deployment } = rollout;
  if (!hasProgressDeadline(deployment)) return;
  const known = conditionOf(deployment.status?.conditions, 'Progressing');
  if (known?.reason === 'ProgressDeadlineExceeded') return;
  const isNoted = known?.reason === 'DeploymentPaused';
  const isPaused = deployment.spec.paused === true;
  if (isPaused === isNoted) return;
  const said = isPaused
    ? { reason: 'DeploymentPaused', message: 'Deployment is paused', now: at }
    : { reason: 'DeploymentResumed', message: 'Deployment is resumed', now: at };
  const condition = newCondition('Progressing', 'Unknown', said);
  await rollout.writeStatus({
    ...deployment.status,
    conditions: withDeploymentCondition(deployment.status?.conditions, condition),
  });
}

/** True when an active ReplicaSet was last sized for another number of replicas. */
function isScaling(deployment: Deployment, { newSet, old }: Sets): boolean {
  return [...old, newSet].filter(isActiveSet).some(({ metadata }) => {
    const noted = integerOf(metadata.annotations?.[desiredReplicasAnnotation]);
    return noted !== undefined && noted >= 0 && noted !== desired(deployment);
  });
}

/** Sizes ReplicaSets without moving from one to the next: when paused, or on a change of size. */
async function syncSize(rollout: Rollout, all: readonly ReplicaSet[]): Promise<void> {
  const sets = await rollout.sync(all);
  await rescale(rollout, sets);
  const { deployment } = rollout;
  if (deployment.spec.paused && deployment.metadata.annotations?.[rollbackAnnotation] === undefined)
    await rollout.remove(expendable(deployment, sets.old));
  await rollout.writeStatus(
    plainStatus(rollout.deployment, rollout.latest(sets), now(rollout.context)),
  );
}

async function rescale(rollout: Rollout, { newSet, old }: Sets): Promise<void> {
  const { deployment } = rollout;
  const single = findActiveOrLatest(newSet, old);
  if (single) {
    await rollout.scale(single, desired(deployment));
    return;
  }
  if (isSaturated(deployment, newSet)) {
    for (const set of old.filter(isActiveSet)) await rollout.scale(set, 0);
  } else if (isRolling(deployment)) {
    const active = [...old, newSet].filter(isActiveSet);
    for (const { set, replicas } of proportionalSizes(deployment, active))
      await rollout.scale(set, replicas, { always: true });
  }
}

function isSaturated(deployment: Deployment, set: ReplicaSet | undefined): boolean {
  const wanted = desired(deployment);
  return (
    set !== undefined &&
    integerOf(set.metadata.annotations?.[desiredReplicasAnnotation]) === wanted &&
    desired(set) === wanted &&
    (set.status?.availableReplicas ?? 0) === wanted
  );
}

async function roll(rollout: Rollout, all: readonly ReplicaSet[]): Promise<Outcome | void> {
  const sets = await rollout.sync(all, { creates: true });
  const newSet = sets.newSet!;
  const { deployment } = rollout;
  if (desired(newSet) !== desired(deployment)) {
    const size =
      desired(newSet) > desired(deployment)
        ? desired(deployment)
        : newSetSize(deployment, [...sets.old, newSet], desired(newSet));
    if (await rollout.scale(newSet, size)) return await finish(rollout, sets);
  }
  const active = sets.old.filter(isActiveSet);
  const resizes = oldSetSizes(deployment, active, newSet);
  for (const { set, replicas } of resizes) await rollout.scale(set, replicas);
  if (resizes.length === 0 && isDeploymentComplete(deployment, deployment.status ?? {}))
    await rollout.remove(expendable(deployment, sets.old));
  return await finish(rollout, sets);
}

async function recreate(rollout: Rollout, all: readonly ReplicaSet[]): Promise<Outcome | void> {
  let sets = await rollout.sync(all);
  const active = sets.old.filter(isActiveSet);
  for (const set of active) await rollout.scale(set, 0);
  if (active.length > 0 || hasOldPods(rollout, sets, all)) return await finish(rollout, sets);
  if (!sets.newSet) sets = await rollout.sync(all, { creates: true });
  await rollout.scale(sets.newSet!, desired(rollout.deployment));
  if (isDeploymentComplete(rollout.deployment, rollout.deployment.status ?? {}))
    await rollout.remove(expendable(rollout.deployment, sets.old));
  return await finish(rollout, sets);
}

/** Pods of old ReplicaSets count until they are over, even when they are being deleted. */
function hasOldPods(rollout: Rollout, { newSet, old }: Sets, all: readonly ReplicaSet[]): boolean {
  if (sumOf(old, 'replicas') > 0) return true;
  return all.some(({ metadata: { uid } }) => {
    if (uid === newSet?.metadata.uid) return false;
    const owned: Iterable<Pod> = rollout.context.cache.ownedBy(pods, uid);
    for (const pod of owned) if (!isTerminal(pod)) return true;
    return false;
  });
}

async function finish(rollout: Rollout, sets: Sets): Promise<Outcome | void> {
  const { deployment, context } = rollout;
  const status = rolloutStatus(deployment, rollout.latest(sets), context.clock);
  if (await rollout.writeStatus(status)) return undefined;
  return { afterMs: untilProgressCheck(deployment, status, context.clock) };
}
