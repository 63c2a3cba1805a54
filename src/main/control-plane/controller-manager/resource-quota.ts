import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { pods } from '#shared/api/core/pod.ts';
import { resourceQuotas } from '#shared/api/core/resource-quota.ts';
import { services } from '#shared/api/core/service.ts';
import { quotaEvaluatorOf, usageOfQuota } from '#shared/api/quota/index.ts';
import { attributesClassesOf } from '#shared/api/quota/persistent-volume-claims.ts';
import { hasDeadline } from '#shared/api/quota/pods.ts';
import { formatList } from '#shared/api/quota/resource-list.ts';
import type {
  ContainerStatus,
  PersistentVolumeClaim,
  Pod,
  ResourceQuota,
  Service,
} from '#shared/api/types/core-v1.ts';
import { controller, trigger, type Controller, type Trigger } from '#shared/kube/controller.ts';
import { keyOf, type KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import type { Kinds } from './kinds.ts';
import { isTerminal } from './pods/pod-state.ts';
import { isEqual } from './values.ts';

/** Upstream looks at every quota again that often; what was missed is found then. */
const resyncMs = 300_000;
const coalesceMs = 50;

/** Counts what namespaces use of their quotas; admission charges, this corrects. */
export function createResourceQuotaController(kinds: Kinds): Controller<ResourceQuota> {
  const counted = kinds.all.filter(
    ({ scope, plural }) => scope === 'Namespaced' && plural !== 'leases',
  );
  return controller<ResourceQuota>({
    name: 'resourcequota-controller',
    watches: resourceQuotas,
    // A charged status is no reason to count: what it was charged for is only about to be stored.
    wakes: ({ before, after }) =>
      after && !(before && isEqual(before.spec.hard, after.spec.hard))
        ? [keyOf(after.metadata)]
        : [],
    triggers: counted.map(usageTrigger),

    async reconcile(quota, { cache, cluster, clock }) {
      const { hard = {} } = quota.spec;
      const namespace = quota.metadata.namespace!;
      const counters = kinds.all.flatMap((kind) => {
        const evaluator = kind.scope === 'Namespaced' ? quotaEvaluatorOf(kind) : undefined;
        return evaluator ? [{ evaluator, objects: () => cache.inNamespace(kind, namespace) }] : [];
      });
      const used = formatList(usageOfQuota(quota, counters, clock.now()));
      const isRight =
        isEqual(quota.status.hard ?? {}, hard) && isEqual(quota.status.used ?? {}, used);
      if (!isRight)
        await cluster.updateStatus(resourceQuotas, { ...quota, status: { hard, used } });
      return { afterMs: resyncMs, restMs: coalesceMs };
    },
  });
}

/**
 * Objects that go, and those that begin or cease to count, wake the namespace's quotas. Those that come
 * do not: admission has charged them, perhaps together with others that are not stored yet.
 */
function usageTrigger(kind: Resource): Trigger {
  return trigger<KubeObject>(kind, ({ before, after }, cache) => {
    if (!before || (after && !isReleased(kind, before, after))) return [];
    const wakes: string[] = [];
    const { namespace } = before.metadata;
    for (const quota of cache.inNamespace(resourceQuotas, namespace!))
      wakes.push(keyOf(quota.metadata));
    return wakes;
  });
}

/** Upstream's DefaultUpdateFilter. That a pod is bound or a claim bound changes nothing that counts. */
function isReleased(kind: Resource, before: KubeObject, after: KubeObject): boolean {
  if (kind === (pods as unknown as Resource)) return isPodReleased(before as Pod, after as Pod);
  if (kind === (services as unknown as Resource))
    return countedType(before as Service) !== countedType(after as Service);
  if (kind === (persistentVolumeClaims as unknown as Resource))
    return !isEqual(
      countedOfClaim(before as PersistentVolumeClaim),
      countedOfClaim(after as PersistentVolumeClaim),
    );
  return false;
}

function isPodReleased(before: Pod, after: Pod): boolean {
  return (
    (isTerminal(after) && !isTerminal(before)) ||
    hasDeadline(before) !== hasDeadline(after) ||
    isResized(before, after)
  );
}

/** What the node says a container has been given, of those that it named before and names now. */
function isResized(before: Pod, after: Pod): boolean {
  const isChanged = (
    old: readonly ContainerStatus[] = [],
    statuses: readonly ContainerStatus[] = [],
  ): boolean =>
    old.some(({ name, resources }) => {
      const status = statuses.find((each) => each.name === name);
      return status !== undefined && !isEqual(status.resources, resources);
    });
  return (
    isChanged(before.status.containerStatuses, after.status.containerStatuses) ||
    isChanged(before.status.initContainerStatuses, after.status.initContainerStatuses)
  );
}

function countedType({ spec }: Service): string {
  const { type } = spec;
  return type === 'NodePort' || type === 'LoadBalancer' ? type : '';
}

function countedOfClaim(claim: PersistentVolumeClaim): unknown {
  return {
    requested: claim.spec.resources,
    allocated: claim.status.allocatedResources?.['storage'],
    classes: attributesClassesOf(claim),
  };
}
