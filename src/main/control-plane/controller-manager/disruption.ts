import { deployments } from '#shared/api/apps/deployment.ts';
import { replicaSets } from '#shared/api/apps/replica-set.ts';
import { statefulSets } from '#shared/api/apps/stateful-set.ts';
import { pods } from '#shared/api/core/pod.ts';
import { replicationControllers } from '#shared/api/core/replication-controller.ts';
import { podDisruptionBudgets } from '#shared/api/policy/pod-disruption-budget.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { ageOf } from '#shared/base/clock.ts';
import type { PodDisruptionBudget } from '#shared/api/types/policy-v1.ts';
import type { Condition } from '#shared/kube/types/meta-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import {
  controller,
  trigger,
  type Controller,
  type Outcome,
  type ReconcileContext,
} from '#shared/kube/controller.ts';
import { keyOf } from '#shared/kube/object.ts';
import type { Selector } from '#shared/kube/selectors.ts';
import { conditionOf, nowText, withoutCondition } from './conditions.ts';
import { expectedScale } from './disruption/scale.ts';
import type { Kinds } from './kinds.ts';
import { compiledSelector } from './pods/claim.ts';
import { isReady, isTerminal } from './pods/pod-state.ts';
import { asError, isEqual, scaledValue, timeOf } from './values.ts';

/** A pod whose eviction was granted and that is still there after this was not evicted after all. */
const deletionTimeoutMs = 120_000;
const largeSelection = 200;

const selectorOf = ({ spec }: PodDisruptionBudget): Selector => compiledSelector(spec.selector);

/** Keeps account of how many pods of each budget may be disrupted now. */
export function createDisruptionController(
  kinds: Kinds,
  cluster: Cluster,
): Controller<PodDisruptionBudget> {
  return controller<PodDisruptionBudget>({
    name: 'disruption-controller',
    eventSource: 'controllermanager',
    watches: podDisruptionBudgets,
    concurrency: 1,
    reads: [replicaSets, deployments, statefulSets, replicationControllers],
    triggers: [
      trigger(pods, ({ before, after }, cache) => {
        if (before && after && !isRelevant(before, after)) return [];
        const wakes = new Set<string>();
        const { namespace } = (after ?? before)!.metadata;
        for (const budget of cache.inNamespace(podDisruptionBudgets, namespace!))
          for (const pod of [before, after])
            if (pod && selectorOf(budget).matches(pod.metadata.labels))
              wakes.add(keyOf(budget.metadata));
        return wakes;
      }),
    ],
    async reconcile(budget, context) {
      try {
        return await sync(budget, { context, kinds, cluster });
      } catch (error) {
        await failSafe(budget, asError(error), context);
        throw error;
      }
    },
  });
}

function isRelevant(before: Pod, after: Pod): boolean {
  return (
    isReady(before) !== isReady(after) ||
    before.metadata.deletionTimestamp !== after.metadata.deletionTimestamp ||
    isTerminal(before) !== isTerminal(after) ||
    !isEqual(before.metadata.labels, after.metadata.labels) ||
    !isEqual(before.metadata.ownerReferences, after.metadata.ownerReferences)
  );
}

interface Means {
  readonly context: ReconcileContext;
  readonly kinds: Kinds;
  readonly cluster: Cluster;
}

async function sync(budget: PodDisruptionBudget, means: Means): Promise<Outcome | void> {
  const { cache, clock, events } = means.context;
  const { namespace } = budget.metadata;
  const selector = selectorOf(budget);
  const selected: Pod[] = [];
  for (const pod of cache.inNamespace(pods, namespace!))
    if (selector.matches(pod.metadata.labels)) selected.push(pod);
  if (selected.length === 0) events.record(budget, 'Normal', 'NoPods', 'No matching pods found');
  const { expected, desired, unmanaged } = await expectation(budget, selected, means);
  if (unmanaged.length > 0)
    events.record(
      budget,
      'Warning',
      'UnmanagedPods',
      `Pods selected by this PodDisruptionBudget (selector: ${shown(budget)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`,
    );
  const { disrupted, recheckMs } = stillExpected(budget, selected, { events, clock });
  const healthy = selected.filter(
    (pod) => !pod.metadata.deletionTimestamp && !disrupted[pod.metadata.name] && isReady(pod),
  ).length;
  const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
  await report(budget, means.context, {
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    ...(Object.keys(disrupted).length > 0 && { disruptedPods: disrupted }),
  });
  const restMs = selected.length > largeSelection ? selected.length / 20 : undefined;
  return { afterMs: recheckMs, restMs };
}

async function expectation(budget: PodDisruptionBudget, selected: readonly Pod[], means: Means) {
  const { maxUnavailable, minAvailable } = budget.spec;
  const { context, cluster, kinds } = means;
  if (maxUnavailable === undefined && typeof minAvailable !== 'string')
    return { expected: selected.length, desired: minAvailable ?? 0, unmanaged: [] };
  try {
    const { cache } = context;
    const { expected, unmanaged } = await expectedScale(selected, { cache, cluster, kinds });
    const desired =
      maxUnavailable === undefined
        ? scaledValue(minAvailable, expected, 'up')
        : Math.max(0, expected - scaledValue(maxUnavailable, expected, 'up'));
    return { expected, desired, unmanaged };
  } catch (error) {
    const message = `Failed to calculate the number of expected pods: ${asError(error).message}`;
    context.events.record(budget, 'Warning', 'CalculateExpectedPodCountFailed', message);
    throw error;
  }
}

/** Pods that were evicted and are not seen to go yet: they count as gone for a while. */
function stillExpected(
  budget: PodDisruptionBudget,
  selected: readonly Pod[],
  { events, clock }: Pick<ReconcileContext, 'events' | 'clock'>,
): { disrupted: Record<string, string>; recheckMs: number | undefined } {
  const known = budget.status.disruptedPods ?? {};
  const disrupted: Record<string, string> = {};
  let recheckMs: number | undefined;
  for (const pod of selected) {
    const { name, deletionTimestamp } = pod.metadata;
    const since = known[name];
    if (deletionTimestamp || since === undefined) continue;
    const left = deletionTimeoutMs - ageOf(clock, timeOf(since));
    if (left < 0) {
      const message = `Pod was expected by PDB ${keyOf(budget.metadata)} to be deleted but it wasn't`;
      events.record(pod, 'Warning', 'NotDeleted', message);
      continue;
    }
    disrupted[name] = since;
    recheckMs = Math.min(recheckMs ?? left, left);
  }
  return { disrupted, recheckMs: recheckMs === undefined ? undefined : Math.max(1, recheckMs) };
}

type Counts = Omit<PodDisruptionBudget['status'], 'conditions' | 'observedGeneration'>;

async function report(
  budget: PodDisruptionBudget,
  { cluster, clock }: ReconcileContext,
  counts: Counts,
): Promise<void> {
  const { status, metadata } = budget;
  const isAllowed = counts.disruptionsAllowed > 0;
  const { generation = 0 } = metadata;
  const conditions = withAllowed(status.conditions, {
    type: 'DisruptionAllowed',
    status: isAllowed ? 'True' : 'False',
    reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration: generation,
    lastTransitionTime: nowText(clock),
  });
  const next = { ...counts, observedGeneration: generation, conditions };
  if (isEqual(status, next)) return;
  await cluster.updateStatus(podDisruptionBudgets, { ...budget, status: next });
}

function withAllowed(
  conditions: readonly Condition[] | undefined,
  condition: Condition,
): readonly Condition[] {
  const known = conditionOf(conditions, condition.type);
  const { lastTransitionTime } = known?.status === condition.status ? known : condition;
  const next = { ...condition, lastTransitionTime };
  return known && isEqual(known, next)
    ? conditions!
    : [...withoutCondition(conditions, condition.type), next];
}

/** What cannot be counted allows nothing. */
async function failSafe(
  budget: PodDisruptionBudget,
  error: Error,
  { cluster, clock }: ReconcileContext,
): Promise<void> {
  const { status, metadata } = budget;
  const conditions = withAllowed(status.conditions, {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'SyncFailed',
    message: error.message,
    observedGeneration: metadata.generation ?? 0,
    lastTransitionTime: nowText(clock),
  });
  const next = { ...status, disruptionsAllowed: 0, conditions };
  if (isEqual(status, next)) return;
  await cluster.updateStatus(podDisruptionBudgets, { ...budget, status: next });
}

function shown({ spec }: PodDisruptionBudget): string {
  const { matchLabels = {}, matchExpressions = [] } = spec.selector ?? {};
  const pairs = Object.entries(matchLabels).map(([key, value]) => `${key}:${value}`);
  const rules = matchExpressions.map(
    ({ key, operator, values = [] }) => `{${key} ${operator} [${values.join(' ')}]}`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${pairs.map((pair) => pair.replace(':', ': ')).join(',')}${pairs.length > 0 ? ',' : ''}},MatchExpressions:[]LabelSelectorRequirement{${rules.join(',')}},}`;
}

/** Takes back the mark of a disruption that did not happen within two minutes. */
export const staleDisruptionController = controller<Pod>({
  name: 'disruption-controller',
  eventSource: 'controllermanager',
  watches: pods,
  wakes: ({ after }) =>
    after && markedSince(after) !== undefined
      ? [{ key: keyOf(after.metadata), afterMs: deletionTimeoutMs }]
      : [],
  async reconcile(pod, { cluster, clock }) {
    const since = markedSince(pod);
    if (since === undefined) return undefined;
    const left = deletionTimeoutMs - ageOf(clock, since);
    if (left > 0) return { afterMs: left };
    const { namespace, name, uid } = pod.metadata;
    const condition = {
      type: 'DisruptionTarget',
      status: 'False',
      lastTransitionTime: nowText(clock),
    };
    const body = { metadata: { uid }, status: { conditions: [condition] } };
    const patch = { type: 'strategic', body, subresource: 'status' } as const;
    await cluster.patch(pods, { namespace, name }, patch);
    return undefined;
  },
});

function markedSince(pod: Pod): number | undefined {
  if (pod.metadata.deletionTimestamp || isTerminal(pod)) return undefined;
  const condition = conditionOf(pod.status.conditions, 'DisruptionTarget');
  if (condition?.status !== 'True') return undefined;
  return timeOf(condition.lastTransitionTime);
}
