import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { pods } from '#shared/api/core/pod.ts';
import { resourceQuotas } from '#shared/api/core/resource-quota.ts';
import { services } from '#shared/api/core/service.ts';
import { quotaEvaluatorOf, usageOfQuota } from '#shared/api/quota/index.ts';
import { formatList } from '#shared/api/quota/resource-list.ts';
import type {
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
    wakes: ({ before, after }) =>
      after && !(before && isEqual(before.spec, after.spec) && isEqual(before.status, after.status))
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

/** Objects that come and go, and those that begin or cease to count, wake the namespace's quotas. */
function usageTrigger(kind: Resource): Trigger {
  return trigger<KubeObject>(kind, ({ before, after }, cache) => {
    if (before && after && !isReleased(kind, before, after)) return [];
    const wakes: string[] = [];
    const { namespace } = (after ?? before)!.metadata;
    for (const quota of cache.inNamespace(resourceQuotas, namespace!))
      wakes.push(keyOf(quota.metadata));
    return wakes;
  });
}

function isReleased(kind: Resource, before: KubeObject, after: KubeObject): boolean {
  if (kind === (pods as unknown as Resource))
    return (
      isTerminal(before as Pod) !== isTerminal(after as Pod) ||
      !isEqual((before as Pod).spec, (after as Pod).spec)
    );
  if (kind === (services as unknown as Resource))
    return !isEqual((before as Service).spec, (after as Service).spec);
  if (kind === (persistentVolumeClaims as unknown as Resource))
    return !isEqual((before as PersistentVolumeClaim).spec, (after as PersistentVolumeClaim).spec);
  return false;
}
