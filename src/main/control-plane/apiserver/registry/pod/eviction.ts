import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { deleteObject } from '#main/control-plane/apiserver/registry/delete.ts';
import { timestamp } from '#main/control-plane/apiserver/registry/metadata.ts';
import { readPosted, success } from '#main/control-plane/apiserver/registry/post.ts';
import { cacheOf } from '#main/control-plane/apiserver/registry/storage-of.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import { pods } from '#shared/api/core/pod.ts';
import { podDisruptionBudgets } from '#shared/api/policy/pod-disruption-budget.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Eviction, PodDisruptionBudget } from '#shared/api/types/policy-v1.ts';
import { ApiError, forbidden, notFound } from '#shared/kube/errors.ts';
import type { Draft } from '#shared/kube/object.ts';
import { selectorOf } from '#shared/kube/selectors.ts';
import type { DeleteOptions } from '#shared/kube/types/meta-v1.ts';

const evictionType = {
  type: 'policy.v1.Eviction',
  apiVersion: 'policy/v1',
  kind: 'Eviction',
  acceptsAnyVersion: true,
};
/** Beyond that many evictions under way the budget's controller is surely not keeping up. */
const mostDisrupted = 2000;

/** Deletes a pod if its disruption budget has room for that. */
export async function evict(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const posted = await readPosted<Eviction>(request, core, evictionType);
  const { namespace, name, served } = request;
  if (posted.object.metadata.name && posted.object.metadata.name !== name) {
    throw new ApiError('BadRequest', 'name in URL does not match name in Eviction object');
  }
  await posted.consent();
  const entry = cacheOf(served).get(namespace, name);
  if (!entry) throw notFound(served.resource, name);
  const pod = entry.object as Pod;
  const given = posted.object.deleteOptions as DeleteOptions | undefined;
  const options: DeleteOptions = {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    ...given,
    ...(posted.isDryRun && { dryRun: ['All'] }),
  };
  if (needsBudget(pod)) {
    const budget = budgetOf(pod, core);
    if (budget && !isUnhealthyAndAllowed(pod, budget.object as PodDisruptionBudget)) {
      await charge(budget, pod, { request, core, isDryRun: (options.dryRun?.length ?? 0) > 0 });
    }
  }
  const deletion = { ...options, ...(await announce(pod, options, core)) };
  const context = { request: { ...request, subresource: '' }, core, options: deletion };
  await deleteObject(context, { namespace, name });
  return success(201);
}

/** Marks the pod, unless the caller speaks of one revision; the pod that is deleted is the one that was looked at. */
async function announce(
  pod: Pod,
  { preconditions, dryRun }: DeleteOptions,
  core: Core,
): Promise<Partial<DeleteOptions>> {
  const { namespace = '', name, uid } = pod.metadata;
  if (preconditions?.resourceVersion || dryRun?.length) return {};
  const cache = cacheOf(core.catalog.of(pods)!);
  for (let current = cache.get(namespace, name); current;) {
    if (current.object.metadata.uid !== uid) break;
    const result = await core.objects.update(
      cache,
      current,
      disrupted(current.object as Pod, core),
    );
    if (result.isWritten) break;
    current = result.current;
  }
  return { preconditions: { uid, ...preconditions } };
}

function disrupted(pod: Pod, { clock }: Core): Draft<Pod> {
  const draft = pod as Draft<Pod>;
  const conditions = draft.status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === 'DisruptionTarget');
  const target = {
    type: 'DisruptionTarget',
    ...(draft.metadata.generation && { observedGeneration: draft.metadata.generation }),
    status: 'True',
    lastProbeTime: null as never,
    lastTransitionTime:
      (before?.status === 'True' && before.lastTransitionTime) || timestamp(clock),
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  };
  const others = conditions.filter((condition) => condition !== before);
  return {
    ...draft,
    metadata: { ...draft.metadata },
    status: { ...draft.status, conditions: [...others, target] },
  };
}

/** Pods that are over, not yet placed or already leaving disturb nobody. */
function needsBudget({ metadata, status }: Pod): boolean {
  const phase = status?.phase;
  if (phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending') return false;
  return metadata.deletionTimestamp === undefined;
}

function budgetOf({ metadata }: Pod, core: Core): Entry | undefined {
  if (Object.keys(metadata.labels ?? {}).length === 0) return undefined;
  const cache = cacheOf(core.catalog.of(podDisruptionBudgets)!);
  const matching: Entry[] = [];
  for (const entry of cache.values(metadata.namespace)) {
    const { spec } = entry.object as PodDisruptionBudget;
    if (selectorOf(spec?.selector).matches(metadata.labels)) matching.push(entry);
  }
  if (matching.length > 1) {
    throw new ApiError(
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  return matching[0];
}

function isUnhealthyAndAllowed(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  const isReady = pod.status?.conditions?.some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  );
  if (isReady) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  if (!status) return false;
  const { currentHealthy, desiredHealthy } = status;
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

interface Charge {
  readonly request: ResourceRequest;
  readonly core: Core;
  readonly isDryRun: boolean;
}

/** Takes one disruption out of the budget, or says when to come again. */
async function charge(budget: Entry, pod: Pod, { core, isDryRun }: Charge): Promise<void> {
  const cache = cacheOf(core.catalog.of(podDisruptionBudgets)!);
  let current: Entry | undefined = budget;
  while (current) {
    const draft = charged(current.object as PodDisruptionBudget, pod, core);
    if (isDryRun) return;
    const result = await core.objects.update(cache, current, draft);
    if (result.isWritten) return;
    current = result.current;
  }
}

function charged(
  budget: PodDisruptionBudget,
  pod: Pod,
  { clock }: Core,
): Draft<PodDisruptionBudget> {
  const { metadata, status } = budget as Draft<PodDisruptionBudget>;
  const allowed = status?.disruptionsAllowed ?? 0;
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    throw tooMany(budget, "Cannot evict pod as it would violate the pod's disruption budget.", 10);
  }
  if (allowed < 0) {
    throw forbidden(podDisruptionBudgets, metadata.name, 'pdb disruptions allowed is negative');
  }
  if (Object.keys(status?.disruptedPods ?? {}).length > mostDisrupted) {
    throw forbidden(
      podDisruptionBudgets,
      metadata.name,
      'DisruptedPods map too big - too many evictions not confirmed by PDB controller',
    );
  }
  if (allowed === 0) {
    const { currentHealthy, desiredHealthy, expectedPods } = status;
    const state =
      expectedPods === 0
        ? ''
        : `The disruption budget ${metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
    throw tooMany(
      budget,
      "Cannot evict pod as it would violate the pod's disruption budget.",
      undefined,
      state,
    );
  }
  return {
    ...(budget as Draft<PodDisruptionBudget>),
    metadata: { ...metadata },
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...status?.disruptedPods, [pod.metadata.name]: timestamp(clock) },
      conditions: status?.conditions ?? [],
    },
  };
}

function tooMany(
  { metadata }: PodDisruptionBudget,
  message: string,
  retryAfterSeconds: number | undefined,
  state = `The disruption budget ${metadata.name} is still being processed by the server.`,
): ApiError {
  return new ApiError('TooManyRequests', message, {
    causes: [{ type: 'DisruptionBudget', field: '', message: state }],
    details: retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  });
}
