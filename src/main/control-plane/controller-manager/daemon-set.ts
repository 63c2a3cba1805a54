import { controllerRevisions } from '#shared/api/apps/controller-revision.ts';
import { daemonSets } from '#shared/api/apps/daemon-set.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { DaemonSet } from '#shared/api/types/apps-v1.ts';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import {
  controller,
  trigger,
  type Controller,
  type ReconcileContext,
  type Wake,
} from '#shared/kube/controller.ts';
import { keyOf } from '#shared/kube/object.ts';
import { controllerOf, controllerReference } from '#shared/kube/owners.ts';
import { syncHistory, truncate } from './daemon-set/history.ts';
import {
  daemonTolerations,
  nodeFit,
  pinnedTo,
  targetNode,
  type Fit,
} from './daemon-set/node-fit.ts';
import {
  countDaemons,
  generationLabel,
  hashLabel,
  planPlacement,
  planUpdate,
  templateGeneration,
  type Daemons,
  type Plan,
} from './daemon-set/plan.ts';
import { Backoff } from './backoff.ts';
import { claim, compiledSelector, orphanTrigger } from './pods/claim.ts';
import { byNode } from './pods/disruption.ts';
import { createPod, deletePod, podFromTemplate, slowStart } from './pods/pod-control.ts';
import { isTerminal, untilNextAvailable } from './pods/pod-state.ts';
import { writeStatus } from './status.ts';
import { asError, compact, isEqual } from './values.ts';

/** Never more creations or deletions than this in one pass. */
const burst = 250;
const largeSet = 200;

const fits = new WeakMap<DaemonSet, (node: Node) => Fit>();

function fitOf(set: DaemonSet): (node: Node) => Fit {
  let fit = fits.get(set);
  if (!fit) {
    fit = nodeFit(set);
    fits.set(set, fit);
  }
  return fit;
}

/** Keeps one pod on every node that the template may run on. */
export function createDaemonSetController(): Controller<DaemonSet> {
  const failedPods = new Backoff({ firstMs: 1000, maxMs: 15 * 60_000 });
  return controller<DaemonSet>({
    name: 'daemon-set-controller',
    eventSource: 'daemonset-controller',
    watches: daemonSets,
    owns: [pods, controllerRevisions],
    concurrency: 2,
    indexes: [byNode],
    triggers: [
      orphanTrigger(pods, daemonSets, ({ spec }) => compiledSelector(spec.selector)),
      orphanTrigger(controllerRevisions, daemonSets, ({ spec }) => compiledSelector(spec.selector)),
      trigger(nodes, ({ before, after }, cache) => {
        if (!after || (before && isSamePlace(before, after))) return [];
        const scheduled = new Set<string>();
        for (const pod of cache.by(pods, 'node', after.metadata.name)) {
          const owner = controllerOf(pod.metadata);
          if (owner?.kind === 'DaemonSet') scheduled.add(owner.uid);
        }
        const wakes: Wake[] = [];
        for (const set of cache.list(daemonSets)) {
          const { shouldRun, mayStay } = fitOf(set)(after);
          const isThere = scheduled.has(set.metadata.uid);
          const isMisplaced = isThere && set.status.numberMisscheduled > 0;
          if ((shouldRun && !isThere) || (!mayStay && isThere) || isMisplaced)
            wakes.push(keyOf(set.metadata));
        }
        return wakes;
      }),
    ],
    reconcile: (set, context) => reconcile(set, context, failedPods),
  });
}

function isSamePlace(a: Node, b: Node): boolean {
  return isEqual(a.metadata.labels, b.metadata.labels) && isEqual(a.spec.taints, b.spec.taints);
}

async function reconcile(set: DaemonSet, context: ReconcileContext, failedPods: Backoff) {
  const { cache, events, clock } = context;
  const { matchLabels = {}, matchExpressions = [] } = set.spec.selector ?? {};
  if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) {
    const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
    events.record(set, 'Warning', 'SelectingAll', message);
    return undefined;
  }
  if (set.metadata.deletionTimestamp) return undefined;
  const selector = compiledSelector(set.spec.selector);
  const claimed = await claim({ owner: set, ownerKind: daemonSets, selector, of: pods }, context);
  const history = await syncHistory(set, claimed, context);
  const daemons: Daemons = {
    set,
    nodes: [...cache.list(nodes)],
    fit: fitOf(set),
    byNode: groupByNode(claimed),
    hash: history.current.metadata.labels?.[hashLabel] ?? '',
    now: clock.now(),
  };
  let failure: Error | undefined;
  let retryMs: number | undefined;
  try {
    const ended = endedPods(set, context, failedPods);
    const placement = planPlacement(daemons, ended);
    retryMs = ended.untilRetry();
    const isIdle = placement.create.length === 0 && placement.remove.length === 0;
    const isRolling = set.spec.updateStrategy.type === 'RollingUpdate';
    await carryOut(isIdle && isRolling ? planUpdate(daemons) : placement, daemons, context);
    await truncate(set, history, claimed, context);
  } catch (error) {
    failure = asError(error);
  }
  const counts = await report(daemons, context);
  if (failure) throw failure;
  const { minReadySeconds = 0 } = set.spec;
  const isWaiting = minReadySeconds > 0 && counts.numberReady !== counts.numberAvailable;
  const available = isWaiting
    ? (untilNextAvailable(claimed, minReadySeconds, daemons.now) ?? minReadySeconds * 1000)
    : undefined;
  const afterMs =
    retryMs === undefined || available === undefined
      ? (retryMs ?? available)
      : Math.min(retryMs, available);
  return { afterMs, restMs: claimed.length > largeSet ? claimed.length / 20 : undefined };
}

function groupByNode(claimed: readonly Pod[]): ReadonlyMap<string, readonly Pod[]> {
  const byNode = new Map<string, Pod[]>();
  for (const pod of claimed) {
    if (isTerminal(pod) && pod.metadata.deletionTimestamp) continue;
    const name = targetNode(pod);
    if (name === undefined) continue;
    const there = byNode.get(name);
    if (there) there.push(pod);
    else byNode.set(name, [pod]);
  }
  return byNode;
}

/** Failed daemons are replaced with growing patience, by node and template. */
function endedPods(set: DaemonSet, { events, clock }: ReconcileContext, failedPods: Backoff) {
  let retryMs: number | undefined;
  const { uid } = set.metadata;
  return {
    untilRetry: () => retryMs,
    failed({ metadata: { namespace, name } }: Pod, nodeName: string): number {
      const key = `${uid}/${set.status.observedGeneration ?? 0}/${nodeName}`;
      const left = failedPods.left(key, clock.now());
      if (left > 0) {
        retryMs = Math.min(retryMs ?? left, left);
        return left;
      }
      failedPods.next(key, clock.now());
      const message = `Found failed daemon pod ${namespace}/${name} on node ${nodeName}, will try to kill it`;
      events.record(set, 'Warning', 'FailedDaemonPod', message);
      return 0;
    },
    succeeded(pod: Pod): void {
      const { namespace, name } = pod.metadata;
      const message = `Found succeeded daemon pod ${namespace}/${name} on node ${targetNode(pod)}, will try to delete it`;
      events.record(set, 'Normal', 'SucceededDaemonPod', message);
    },
  };
}

async function carryOut(plan: Plan, daemons: Daemons, context: ReconcileContext): Promise<void> {
  const { set, hash } = daemons;
  const { template } = set.spec;
  const generation = templateGeneration(set);
  const { name, namespace } = set.metadata;
  const bare = podFromTemplate(template, name, controllerReference(daemonSets, set));
  const labels = {
    ...bare.metadata.labels,
    ...(generation !== undefined && { [generationLabel]: generation }),
    ...(hash && { [hashLabel]: hash }),
  };
  const tolerations = daemonTolerations(bare.spec!);
  const failures: unknown[] = [];
  const created = slowStart(Math.min(plan.create.length, burst), async (at) => {
    const affinity = pinnedTo(bare.spec!.affinity, plan.create[at]!);
    await createPod(context, set, {
      ...bare,
      metadata: { ...bare.metadata, namespace: namespace!, labels },
      spec: { ...bare.spec!, affinity, tolerations },
    });
  });
  await created.catch((error: unknown) => failures.push(error));
  const removed = await Promise.allSettled(
    plan.remove.slice(0, burst).map((pod) => deletePod(context, set, pod)),
  );
  for (const result of removed) if (result.status === 'rejected') failures.push(result.reason);
  if (failures.length > 0) throw asError(failures[0]);
}

async function report(daemons: Daemons, context: ReconcileContext) {
  const { set } = daemons;
  const counts = countDaemons(daemons);
  const { updatedNumberScheduled, numberAvailable, numberUnavailable, ...always } = counts;
  const { collisionCount, conditions } = set.status;
  const status = {
    ...always,
    ...compact({
      updatedNumberScheduled,
      numberAvailable,
      numberUnavailable,
      observedGeneration: set.metadata.generation ?? 0,
    }),
    ...(collisionCount !== undefined && { collisionCount }),
    ...(conditions && { conditions }),
  };
  if (!isEqual(set.status, status)) await writeStatus(context, daemonSets, set, status);
  return counts;
}
