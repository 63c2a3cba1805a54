import { conditionOf } from '#main/control-plane/controller-manager/conditions.ts';
import { byCreation } from '#main/control-plane/controller-manager/values.ts';
import type { Node, Service } from '#shared/api/types/core-v1.ts';
import { parseIp } from '#shared/kube/ip.ts';
import { keyOf } from '#shared/kube/object.ts';
import { isSimulated } from '#shared/kube/simulated-nodes.ts';
import type { AddressPool } from './address-pool.ts';

/** Pure: which addresses a service of type LoadBalancer is reached at. */

const excluded = 'node.kubernetes.io/exclude-from-external-load-balancers';
const toBeDeleted = 'ToBeDeletedByClusterAutoscaler';
/** What a node itself is reached at; a service on the node's address must leave it alone. */
const ownPorts: ReadonlyMap<number, string> = new Map([
  [22, 'SSH'],
  [10250, 'the kubelet'],
]);

export interface Surroundings {
  readonly nodes: Iterable<Node>;
  /** All services of the cluster that want a load balancer from us. */
  readonly services: Iterable<Service>;
  /** The nodes that have ready endpoints of the service. */
  readonly local: () => ReadonlySet<string>;
  readonly pool: AddressPool | undefined;
}

export type Plan =
  | { readonly addresses: readonly string[] }
  | { readonly problem: string }
  /** No node can take its traffic. */
  | 'no nodes';

/** As upstream: by type, and with no class, which would be somebody else's. */
export function wantsLoadBalancer({ metadata, spec }: Service): boolean {
  return (
    spec.type === 'LoadBalancer' &&
    spec.loadBalancerClass === undefined &&
    metadata.deletionTimestamp === undefined
  );
}

export function planAddresses(service: Service, around: Surroundings): Plan {
  const eligible = [...around.nodes].filter(takesTraffic);
  if (eligible.length === 0) return 'no nodes';
  if (around.pool) return fromPool(service, around.pool, around.services);
  const conflict = conflictOf(service, around.services);
  if (conflict !== undefined) return { problem: conflict };
  const isLocal = service.spec.externalTrafficPolicy === 'Local';
  const local = isLocal ? around.local() : undefined;
  const used = local ? eligible.filter(({ metadata }) => local.has(metadata.name)) : eligible;
  const addresses = used.flatMap((node) => addressesOf(node, familiesOf(service)));
  return { addresses: [...new Set(addresses)].toSorted() };
}

/** Upstream's predicates. */
function takesTraffic(node: Node): boolean {
  const { metadata, spec, status } = node;
  return (
    !isSimulated(node) &&
    metadata.labels?.[excluded] === undefined &&
    metadata.deletionTimestamp === undefined &&
    !spec.taints?.some(({ key }) => key === toBeDeleted) &&
    conditionOf(status.conditions, 'Ready')?.status === 'True'
  );
}

/** As k3s: the node's public addresses where it has any. */
function addressesOf({ status }: Node, families: readonly (4 | 6)[]): string[] {
  return families.flatMap((family) => {
    const own = (status.addresses ?? []).filter(
      ({ address }) => parseIp(address)?.family === family,
    );
    const external = own.filter(({ type }) => type === 'ExternalIP');
    const used = external.length > 0 ? external : own.filter(({ type }) => type === 'InternalIP');
    return used.map(({ address }) => address);
  });
}

function familiesOf({ spec }: Service): readonly (4 | 6)[] {
  const { ipFamilies = ['IPv4'] } = spec;
  return ipFamilies.map((family) => (family === 'IPv6' ? 6 : 4));
}

/** Why the service cannot have its ports on the nodes' addresses. */
function conflictOf(service: Service, services: Iterable<Service>): string | undefined {
  for (const { port, protocol = 'TCP' } of service.spec.ports ?? []) {
    const owner = protocol === 'TCP' ? ownPorts.get(port) : undefined;
    if (owner !== undefined)
      return `port ${port} of the nodes belongs to ${owner}; choose another port, or give the cluster an address pool`;
    for (const other of services) {
      if (!comesBefore(other, service)) continue;
      const isSame = other.spec.ports?.some(
        (one) => one.port === port && (one.protocol ?? 'TCP') === protocol,
      );
      if (isSame)
        return `port ${port}/${protocol} of the nodes is taken by service ${keyOf(other.metadata)}; choose another port, or give the cluster an address pool`;
    }
  }
  return undefined;
}

/** Who has addresses keeps them; then the older one gets them. */
function comesBefore(other: Service, service: Service): boolean {
  if (other.metadata.uid === service.metadata.uid) return false;
  const [hasOther, hasOwn] = [ingressOf(other).length > 0, ingressOf(service).length > 0];
  return hasOther === hasOwn ? byCreation(other, service) < 0 : hasOther;
}

export function ingressOf({ status }: Service): readonly string[] {
  return (status.loadBalancer.ingress ?? []).flatMap(({ ip }) => ip ?? []);
}

function fromPool(service: Service, pool: AddressPool, services: Iterable<Service>): Plan {
  const taken = new Set<string>();
  for (const other of services)
    if (other.metadata.uid !== service.metadata.uid)
      for (const address of ingressOf(other)) taken.add(address);
  const own = ingressOf(service);
  const { loadBalancerIP: asked } = service.spec;
  const addresses: string[] = [];
  for (const family of familiesOf(service)) {
    const isUsable = (address: string): boolean =>
      parseIp(address)?.family === family && pool.has(address) && !taken.has(address);
    if (asked && parseIp(asked)?.family === family) {
      if (!isUsable(asked))
        return { problem: `address ${asked} is taken or not in the address pool` };
      addresses.push(asked);
      continue;
    }
    const found = own.find(isUsable) ?? pool.firstFree(family, (address) => taken.has(address));
    if (found === undefined)
      return { problem: `the address pool has no free IPv${family} address left` };
    addresses.push(found);
  }
  return { addresses };
}
