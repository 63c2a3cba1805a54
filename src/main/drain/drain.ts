import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import { podDisruptionBudgets } from '#shared/api/policy/pod-disruption-budget.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { drainPlanOf, type DrainPlan, type LeavingPod } from '#shared/drain/plan.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface DrainProgress {
  readonly gone: number;
  readonly total: number;
  /** What keeps the others, in the server's words; '' while nothing does. */
  readonly waitsFor: string;
}

export interface DrainOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  report(progress: DrainProgress): void;
}

const lookMs = 500;
/** As long as kubectl waits before it asks for an eviction again. */
const retryMs = 5_000;

/** What a drain would do now; changes nothing. */
export async function planDrain(
  cluster: Cluster,
  node: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<DrainPlan> {
  const fieldSelector = `spec.nodeName=${node}`;
  const [own, budgets] = await Promise.all([
    cluster.list(pods, { fieldSelector, ...options }),
    cluster.list(podDisruptionBudgets, options),
  ]);
  return drainPlanOf(node, own.items, budgets.items);
}

/**
 * Cordons the node and evicts the pods that are on it now: a budget that allows none is waited for,
 * never overruled. Resolves when all have gone; aborting leaves the rest where they are, and the node
 * cordoned.
 */
export async function drain(
  cluster: Cluster,
  node: string,
  { clock, signal, report }: DrainOptions,
): Promise<void> {
  const body = { spec: { unschedulable: true } };
  const type = 'application/merge-patch+json';
  await cluster.patch(nodes, { name: node }, { type, body }, { fieldManager: 'pilothouse' });
  const { leaving } = await planDrain(cluster, node, { signal });
  const refusals = new Map<string, Refusal>();
  for (let left = leaving; ; await sleep(clock, lookMs, signal)) {
    signal.throwIfAborted();
    const now = clock.elapsed();
    const due = left.filter(({ uid }) => (refusals.get(uid)?.againAt ?? 0) <= now);
    await Promise.all(
      due.map(async (pod) => {
        const why = await evict(cluster, pod, signal);
        refusals.set(pod.uid, { why, againAt: why === '' ? Infinity : now + retryMs });
      }),
    );
    left = await stillThere(cluster, node, left, signal);
    const waitsFor = left.map(({ uid }) => refusals.get(uid)?.why ?? '').find(Boolean) ?? '';
    report({ gone: leaving.length - left.length, total: leaving.length, waitsFor });
    if (left.length === 0) return;
  }
}

interface Refusal {
  /** '' where the pod is on its way out. */
  readonly why: string;
  readonly againAt: number;
}

/** Resolves to what keeps the pod for now, '' when nothing does. */
async function evict(
  cluster: Cluster,
  { key, namespace, name, uid }: LeavingPod,
  signal: AbortSignal,
): Promise<string> {
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: { preconditions: { uid } },
  };
  try {
    await cluster.post(pods, { namespace, name, subresource: 'eviction' }, body, { signal });
    return '';
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return '';
    if (isTransient(error)) return `${key}: ${error.causes[0]?.message ?? error.message}`;
    throw error;
  }
}

/**
 * A budget that allows none now, somebody else's change at the same moment, a server that is being
 * started, a namespace whose pods go anyhow.
 */
function isTransient(error: unknown): error is ApiError {
  if (ApiError.is(error, 'TooManyRequests', 'Conflict', 'ServiceUnavailable')) return true;
  return (
    ApiError.is(error, 'Forbidden') &&
    error.causes.some(({ type }) => type === 'NamespaceTerminating')
  );
}

async function stillThere(
  cluster: Cluster,
  node: string,
  left: readonly LeavingPod[],
  signal: AbortSignal,
): Promise<readonly LeavingPod[]> {
  try {
    const { items } = await cluster.list(pods, {
      fieldSelector: `spec.nodeName=${node}`,
      signal,
    });
    const there = new Set(items.map(({ metadata }) => metadata.uid));
    return left.filter(({ uid }) => there.has(uid));
  } catch (error) {
    if (isTransient(error)) return left;
    throw error;
  }
}
