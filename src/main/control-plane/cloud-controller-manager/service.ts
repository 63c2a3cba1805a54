import { isEqual } from '#main/control-plane/controller-manager/values.ts';
import { nodes } from '#shared/api/core/node.ts';
import { services } from '#shared/api/core/service.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import type { Node, Service } from '#shared/api/types/core-v1.ts';
import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import {
  cacheIndex,
  controller,
  trigger,
  type Cache,
  type Controller,
  type ReconcileContext,
} from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { AddressPool } from './address-pool.ts';
import { ingressOf, planAddresses, wantsLoadBalancer } from './load-balancer.ts';

const finalizer = 'service.kubernetes.io/load-balancer-cleanup';
const serviceNameLabel = 'kubernetes.io/service-name';

const bySlice = cacheIndex(endpointSlices, 'service', ({ metadata }) => {
  const name = metadata.labels?.[serviceNameLabel];
  return name === undefined ? [] : [keyOf({ namespace: metadata.namespace, name })];
});

/**
 * Gives services of type LoadBalancer their addresses: of a pool, each its own, or the nodes' own
 * ones. The nodes' proxies take the traffic; there is nothing else to set up. Upstream's service
 * controller in what it says and in which services it leaves to others.
 */
export function createServiceController(entries?: readonly string[]): Controller<Service> {
  const pool = entries && entries.length > 0 ? new AddressPool(entries) : undefined;
  return controller<Service>({
    name: 'service-controller',
    watches: services,
    indexes: [bySlice],
    triggers: [
      trigger(nodes, ({ before, after }, cache) =>
        isEqual(facetsOf(before), facetsOf(after)) ? [] : wanting(cache),
      ),
      trigger(endpointSlices, ({ before, after }) => localService(after ?? before!)),
      // What one gives back, another may wait for.
      trigger(services, ({ before, after }, cache) => {
        if (!before || !wantsLoadBalancer(before)) return [];
        const isSame = after && wantsLoadBalancer(after) && isEqual(before.spec, after.spec);
        return isSame && isEqual(before.status, after.status) ? [] : wanting(cache);
      }),
    ],
    async reconcile(service, context) {
      if (wantsLoadBalancer(service)) await ensure(service, pool, context);
      else await cleanUp(service, context);
    },
  });
}

/** What of a node decides about its part in load balancing. */
function facetsOf(node: Node | undefined): unknown {
  if (!node) return undefined;
  const { metadata, spec, status } = node;
  const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status;
  return [metadata.labels, metadata.deletionTimestamp, spec.taints, status.addresses, ready];
}

function* wanting(cache: Cache): Iterable<string> {
  for (const service of cache.list(services))
    if (wantsLoadBalancer(service)) yield keyOf(service.metadata);
}

function localService({ metadata }: { readonly metadata: EndpointSlice['metadata'] }): string[] {
  const name = metadata.labels?.[serviceNameLabel];
  return name === undefined ? [] : [keyOf({ namespace: metadata.namespace, name })];
}

async function ensure(
  service: Service,
  pool: AddressPool | undefined,
  context: ReconcileContext,
): Promise<void> {
  const { cache, cluster, events, key } = context;
  const plan = planAddresses(service, {
    nodes: cache.list(nodes),
    services: [...cache.list(services)].filter(wantsLoadBalancer),
    local: () => nodesOf(cache.by(endpointSlices, bySlice.name, key)),
    pool,
  });
  const isGuarded = service.metadata.finalizers?.includes(finalizer) ?? false;
  const known = ingressOf(service);
  if (plan !== 'no nodes' && 'problem' in plan) {
    const message = `Error syncing load balancer: failed to ensure load balancer: ${plan.problem}`;
    events.record(service, 'Warning', 'SyncLoadBalancerFailed', message);
    await writeIngress(service, [], context);
    return;
  }
  const wanted = plan === 'no nodes' ? [] : plan.addresses;
  if (isGuarded && isEqual(known, wanted)) return;
  if (plan === 'no nodes') {
    const message = 'There are no available nodes for LoadBalancer';
    events.record(service, 'Warning', 'UnAvailableLoadBalancer', message);
  }
  if (!isGuarded) {
    events.record(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
    const finalizers = [...(service.metadata.finalizers ?? []), finalizer];
    const guarded = await patchFinalizers(service, finalizers, cluster);
    await writeIngress(guarded, wanted, context);
    events.record(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
    return;
  }
  await writeIngress(service, wanted, context);
  const message = 'Updated load balancer with new hosts';
  events.record(service, 'Normal', 'UpdatedLoadBalancer', message);
}

async function cleanUp(service: Service, context: ReconcileContext): Promise<void> {
  const { cluster, events } = context;
  const { finalizers = [] } = service.metadata;
  if (!finalizers.includes(finalizer)) return;
  try {
    events.record(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
    const { deletionTimestamp } = service.metadata;
    if (deletionTimestamp === undefined) await writeIngress(service, [], context);
    const others = finalizers.filter((one) => one !== finalizer);
    await patchFinalizers(service, others, cluster);
    events.record(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

async function patchFinalizers(
  { metadata: { namespace, name, uid } }: Service,
  finalizers: readonly string[],
  cluster: ReconcileContext['cluster'],
): Promise<Service> {
  const body = { metadata: { uid, finalizers: finalizers.length > 0 ? finalizers : null } };
  return await cluster.patch(services, { namespace, name }, { type: 'merge', body });
}

async function writeIngress(
  service: Service,
  addresses: readonly string[],
  { cluster }: ReconcileContext,
): Promise<void> {
  if (isEqual(ingressOf(service), addresses)) return;
  const { namespace, name, uid } = service.metadata;
  const ingress = addresses.map((ip) => ({ ip, ipMode: 'VIP' }));
  const loadBalancer = addresses.length > 0 ? { ingress } : null;
  const body = { metadata: { uid }, status: { loadBalancer } };
  const patch = { type: 'merge', body, subresource: 'status' } as const;
  await cluster.patch(services, { namespace, name }, patch);
}

function nodesOf(slices: Iterable<EndpointSlice>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { endpoints } of slices)
    for (const { conditions, nodeName } of endpoints)
      if (nodeName !== undefined && conditions.ready !== false) found.add(nodeName);
  return found;
}
