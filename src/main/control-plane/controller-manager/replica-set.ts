import { replicaSets } from '#shared/api/apps/replica-set.ts';
import { pods } from '#shared/api/core/pod.ts';
import { replicationControllers } from '#shared/api/core/replication-controller.ts';
import type { ReplicaSet } from '#shared/api/types/apps-v1.ts';
import type { Pod, PodTemplateSpec, ReplicationController } from '#shared/api/types/core-v1.ts';
import { controller, type Controller, type ReconcileContext } from '#shared/kube/controller.ts';
import { controllerOf, controllerReference } from '#shared/kube/owners.ts';
import type { Resource } from '#shared/kube/resource.ts';
import { selectorOfSet, type Selector } from '#shared/kube/selectors.ts';
import {
  conditionOf,
  nowText,
  withCondition,
  withoutCondition,
  type Condition,
} from './conditions.ts';
import { claim, compiledSelector, orphanTrigger } from './pods/claim.ts';
import { createPod, deletePod, podFromTemplate, slowStart } from './pods/pod-control.ts';
import {
  isActive,
  isAvailable,
  isReady,
  isTerminating,
  untilNextAvailable,
} from './pods/pod-state.ts';
import { chooseVictims } from './pods/victims.ts';
import { writeStatus } from './status.ts';
import { asError, compact, isEqual } from './values.ts';

/** Never more creations or deletions than this in one pass. */
const burst = 500;
/** Sets above this size rest between passes that only count, so that a pod costs no whole count. */
const largeSet = 200;

/** Keeps as many pods as the ReplicaSet asks for. */
export const replicaSetController: Controller<ReplicaSet> = replicaController<ReplicaSet>({
  name: 'replicaset-controller',
  watches: replicaSets,
  selectorOf: ({ spec }) => compiledSelector(spec.selector),
  reportsTerminating: true,
  related: relatedPods,
});

/** The same for ReplicationControllers, whose selector is a plain set. */
export const replicationController: Controller<ReplicationController> =
  replicaController<ReplicationController>({
    name: 'replication-controller',
    watches: replicationControllers,
    selectorOf: ({ spec }) => selectorOfSet(spec.selector),
    reportsTerminating: false,
    related: () => [],
  });

interface ReplicaKind<T> {
  readonly name: string;
  readonly watches: Resource<T & (ReplicaSet | ReplicationController)>;
  selectorOf(owner: T): Selector;
  readonly reportsTerminating: boolean;
  /** The pods among which victims are ranked by how many share a node. */
  related(owner: T, context: ReconcileContext): Iterable<Pod>;
}

function replicaController<T extends ReplicaSet | ReplicationController>(
  kind: ReplicaKind<T>,
): Controller<T> {
  const watches = kind.watches as unknown as Resource<T>;
  return controller<T>({
    name: kind.name,
    watches,
    owns: [pods],
    triggers: [orphanTrigger(pods, watches, kind.selectorOf)],

    async reconcile(set, context) {
      const selector = kind.selectorOf(set);
      let ending = 0;
      const filter = (pod: Pod): boolean => {
        if (isActive(pod)) return true;
        if (isTerminating(pod) && selector.matches(pod.metadata.labels)) ending++;
        return false;
      };
      const active = await claim(
        { owner: set, ownerKind: watches, selector, of: pods, filter },
        context,
      );
      const terminating = kind.reportsTerminating ? ending : undefined;
      let failure: Error | undefined;
      let written = 0;
      if (!set.metadata.deletionTimestamp)
        try {
          written = await manage(kind, set, { active, context });
        } catch (error) {
          failure = asError(error);
        }
      const now = context.clock.now();
      const status = statusOf(set, {
        active,
        terminating,
        failure,
        now,
        at: nowText(context.clock),
      });
      const isUnchanged = isEqual(withoutGeneration(set.status), withoutGeneration(status));
      if (!isUnchanged || (set.status?.observedGeneration ?? 0) !== set.metadata.generation)
        await writeStatus(context, watches, set, status);
      if (failure !== undefined) throw failure;
      const { readyReplicas = 0, availableReplicas = 0 } = status;
      const minReadySeconds = set.spec.minReadySeconds ?? 0;
      const isWaiting = minReadySeconds > 0 && readyReplicas !== availableReplicas;
      return {
        afterMs: isWaiting
          ? (untilNextAvailable(active, minReadySeconds, now) ?? minReadySeconds * 1000)
          : undefined,
        restMs: written === 0 && active.length > largeSet ? active.length / 10 : undefined,
      };
    },
  });
}

const replicasOf = ({ spec }: ReplicaSet | ReplicationController): number => spec.replicas ?? 1;

/** Creates or deletes pods; returns how many. */
async function manage<T extends ReplicaSet | ReplicationController>(
  kind: ReplicaKind<T>,
  set: T,
  { active, context }: { active: readonly Pod[]; context: ReconcileContext },
): Promise<number> {
  const missing = replicasOf(set) - active.length;
  if (missing > 0) {
    const reference = controllerReference(kind.watches, set);
    const { name, namespace } = set.metadata;
    const bare = podFromTemplate((set.spec.template ?? {}) as PodTemplateSpec, name, reference);
    const pod = { ...bare, metadata: { ...bare.metadata, namespace: namespace! } };
    return await slowStart(Math.min(missing, burst), () => createPod(context, set, pod));
  }
  if (missing < 0) {
    const victims = chooseVictims(active, kind.related(set, context), {
      count: Math.min(-missing, burst),
      now: context.clock.now(),
    });
    const results = await Promise.allSettled(victims.map((pod) => deletePod(context, set, pod)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return victims.length;
  }
  return 0;
}

/** The pods of every ReplicaSet of the same owner; none for a set without owner. */
function* relatedPods(set: ReplicaSet, { cache }: ReconcileContext): Iterable<Pod> {
  const owner = controllerOf(set.metadata);
  if (!owner) return;
  for (const sibling of cache.ownedBy(replicaSets, owner.uid))
    for (const pod of cache.ownedBy(pods, sibling.metadata.uid)) yield pod;
}

interface Observation {
  readonly active: readonly Pod[];
  readonly terminating: number | undefined;
  readonly failure: Error | undefined;
  readonly now: number;
  readonly at: string;
}

type ReplicaStatus = ReplicaSet['status'];

/** Pure: what the status should say. */
export function statusOf(
  set: ReplicaSet | ReplicationController,
  { active, terminating, failure, now, at }: Observation,
): ReplicaStatus {
  const labels = selectorOfSetOrAll(set.spec.template?.metadata?.labels);
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  let fullyLabeled = 0;
  let ready = 0;
  let available = 0;
  for (const pod of active) {
    if (labels(pod)) fullyLabeled++;
    if (!isReady(pod)) continue;
    ready++;
    if (isAvailable(pod, minReadySeconds, now)) available++;
  }
  return {
    replicas: active.length,
    ...compact({
      fullyLabeledReplicas: fullyLabeled,
      readyReplicas: ready,
      availableReplicas: available,
      observedGeneration: set.metadata.generation ?? 0,
      conditions: failureConditions(set, active.length, { failure, at }),
    }),
    ...(terminating !== undefined && { terminatingReplicas: terminating }),
  };
}

function failureConditions(
  set: ReplicaSet | ReplicationController,
  active: number,
  { failure, at }: { failure: Error | undefined; at: string },
): readonly Condition[] {
  const conditions = (set.status?.conditions ?? []) as readonly Condition[];
  const known = conditionOf(conditions, 'ReplicaFailure');
  if (failure === undefined)
    return known ? withoutCondition(conditions, 'ReplicaFailure') : conditions;
  if (known) return conditions;
  const missing = replicasOf(set) - active;
  const reason = missing > 0 ? 'FailedCreate' : missing < 0 ? 'FailedDelete' : '';
  return withCondition(conditions, {
    type: 'ReplicaFailure',
    status: 'True',
    lastTransitionTime: at,
    ...(reason && { reason }),
    message: failure.message,
  });
}

/** An empty label set is fully on every pod. */
function selectorOfSetOrAll(
  labels: Readonly<Record<string, string>> | undefined,
): (pod: Pod) => boolean {
  const entries = Object.entries(labels ?? {});
  return ({ metadata }) => entries.every(([key, value]) => metadata.labels?.[key] === value);
}

function withoutGeneration(status: ReplicaStatus | ReplicationController['status']): unknown {
  const { replicas, observedGeneration: _, ...others } = status;
  return {
    replicas,
    ...compact(others),
    terminating: (others as ReplicaStatus).terminatingReplicas,
  };
}
