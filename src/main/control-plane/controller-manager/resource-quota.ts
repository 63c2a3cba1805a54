import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { pods } from '#shared/api/core/pod.ts';
import { resourceQuotas } from '#shared/api/core/resource-quota.ts';
import { services } from '#shared/api/core/service.ts';
import type {
  PersistentVolumeClaim,
  Pod,
  ResourceQuota,
  Service,
} from '#shared/api/types/core-v1.ts';
import {
  controller,
  trigger,
  type Cache,
  type Controller,
  type Trigger,
} from '#shared/kube/controller.ts';
import { keyOf, type KubeObject } from '#shared/kube/object.ts';
import {
  claimMeets,
  claimUsage,
  objectUsage,
  podMeets,
  podUsage,
  scopesOf,
  serviceUsage,
  sumUsages,
  type ScopeRequirement,
  type Usage,
} from '#shared/kube/quota-usage.ts';
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
      const usages = usagesOf(quota, { cache, kinds, now: clock.now() });
      const used = sumUsages(usages, countable(Object.keys(hard), kinds));
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

const podNames = /^(pods|cpu|memory|ephemeral-storage|hugepages-.*|(requests|limits)\..*)$/;
const objectNames: ReadonlySet<string> = new Set([
  'services',
  'services.nodeports',
  'services.loadbalancers',
  'persistentvolumeclaims',
  'configmaps',
  'secrets',
  'replicationcontrollers',
  'resourcequotas',
]);

/** The names that mean something; what nobody counts has no usage. */
function countable(names: readonly string[], kinds: Kinds): readonly string[] {
  const counts = new Set<string>();
  for (const { group, plural, scope } of kinds.all)
    if (scope === 'Namespaced') counts.add(group ? `count/${plural}.${group}` : `count/${plural}`);
  return names.filter(
    (name) =>
      podNames.test(name) ||
      objectNames.has(name) ||
      counts.has(name) ||
      name.includes('.storageclass.storage.k8s.io/'),
  );
}

interface Sources {
  readonly cache: Cache;
  readonly kinds: Kinds;
  readonly now: number;
}

function* usagesOf(quota: ResourceQuota, { cache, kinds, now }: Sources): Iterable<Usage> {
  const namespace = quota.metadata.namespace!;
  const scopes = scopesOf(quota.spec);
  const names = Object.keys(quota.spec.hard ?? {});
  const wants = (test: (name: string) => boolean): boolean => names.some(test);
  if (wants((name) => podNames.test(name) || name === 'count/pods'))
    for (const pod of cache.inNamespace(pods, namespace))
      if (meetsAll(scopes, (scope) => podMeets(pod, scope))) yield podUsage(pod, now);
  if (wants((name) => name.includes('storage') || name.endsWith('persistentvolumeclaims')))
    for (const claim of cache.inNamespace(persistentVolumeClaims, namespace))
      if (meetsAll(scopes, (scope) => claimMeets(claim, scope))) yield claimUsage(claim);
  // Scopes are about pods and claims only: a scoped quota counts nothing else.
  if (scopes.length > 0) return;
  if (wants((name) => name.includes('services')))
    for (const service of cache.inNamespace(services, namespace)) yield serviceUsage(service);
  for (const kind of kinds.all) {
    if (kind.scope !== 'Namespaced' || own.has(kind.plural)) continue;
    const usage = objectUsage(kind);
    if (!wants((name) => usage.has(name))) continue;
    for (const _ of cache.inNamespace(kind, namespace)) yield usage;
  }
}

const own: ReadonlySet<string> = new Set(['pods', 'services', 'persistentvolumeclaims']);

function meetsAll(
  scopes: readonly ScopeRequirement[],
  test: (scope: ScopeRequirement) => boolean,
): boolean {
  return scopes.every(test);
}
