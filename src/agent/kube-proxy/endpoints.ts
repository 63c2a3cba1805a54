import type { EndpointSlice, Endpoint as SliceEndpoint } from '#shared/api/types/discovery-v1.ts';
import type { ServicePort } from '#agent/kube-proxy/service-port.ts';

/** An address and port behind a service. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  /** On this node. */
  readonly isLocal: boolean;
  readonly isReady: boolean;
  /** Going away, but still answering. */
  readonly isServingTerminating: boolean;
  readonly zones: readonly string[];
  readonly nodes: readonly string[];
}

/** The node whose view of the endpoints is asked for. */
export interface Place {
  readonly nodeName: string;
  readonly zone: string | undefined;
}

/** The endpoints that traffic from here may go to. */
export interface ChosenEndpoints {
  /** Under traffic policy Cluster. */
  readonly cluster: readonly Endpoint[];
  /** Under traffic policy Local. */
  readonly local: readonly Endpoint[];
  /** Whether any endpoint anywhere could answer: without one, clients are refused. */
  readonly hasAny: boolean;
}

/** The endpoints of one service port, each once. */
export function endpointsOf(
  slices: Iterable<EndpointSlice>,
  { name, protocol }: ServicePort,
  { nodeName }: Place,
): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const { addressType, endpoints, ports } of slices) {
    if (addressType !== 'IPv4') continue;
    const port = (ports ?? []).find(
      (one) => (one.name ?? '') === name && (one.protocol ?? 'TCP').toLowerCase() === protocol,
    )?.port;
    if (port === undefined) continue;
    for (const one of endpoints ?? []) {
      const endpoint = endpointOf(one, port, nodeName);
      const key = `${endpoint.ip}:${port}`;
      // While a pod moves from slice to slice it may be in two of them: the better news counts.
      if (!found.get(key)?.isReady) found.set(key, endpoint);
    }
  }
  return [...found.values()].sort((a, b) => (a.ip < b.ip ? -1 : 1));
}

/** Upstream's choice: ready ones near by if hints say so, else those that still serve. */
export function chooseEndpoints(
  all: readonly Endpoint[],
  place: Place,
  { isInternalLocal, isExternalLocal, ...port }: ServicePort,
): ChosenEndpoints {
  const ready = all.filter(({ isReady }) => isReady);
  const serving = all.filter(({ isServingTerminating }) => isServingTerminating);
  const hasExternal =
    port.nodePort !== undefined || port.externalIps.length > 0 || port.loadBalancerIps.length > 0;
  // With Local outside, traffic that comes from this node itself still goes anywhere.
  const usesCluster = !isInternalLocal || hasExternal;
  const usesLocal = isInternalLocal || isExternalLocal;
  const cluster = usesCluster ? firstOf(nearby(ready, place), serving) : [];
  const here = ({ isLocal }: Endpoint): boolean => isLocal;
  const local = usesLocal ? firstOf(ready.filter(here), serving.filter(here)) : [];
  return { cluster, local, hasAny: ready.length > 0 || serving.length > 0 };
}

function firstOf(a: readonly Endpoint[], b: readonly Endpoint[]): readonly Endpoint[] {
  return a.length > 0 ? a : b;
}

/** Hints count only when every ready endpoint has some and at least one is meant for here. */
function nearby(ready: readonly Endpoint[], { nodeName, zone }: Place): readonly Endpoint[] {
  const forNode = ready.filter(({ nodes }) => nodes.includes(nodeName));
  if (forNode.length > 0 && ready.every(({ nodes }) => nodes.length > 0)) return forNode;
  const forZone = ready.filter(({ zones }) => zone !== undefined && zones.includes(zone));
  if (forZone.length > 0 && ready.every(({ zones }) => zones.length > 0)) return forZone;
  return ready;
}

function endpointOf(
  { addresses, conditions, nodeName: on, hints }: SliceEndpoint,
  port: number,
  nodeName: string,
): Endpoint {
  const isReady = conditions?.ready ?? true;
  return {
    ip: addresses[0]!,
    port,
    isLocal: on === nodeName,
    isReady,
    isServingTerminating: (conditions?.serving ?? isReady) && (conditions?.terminating ?? false),
    zones: (hints?.forZones ?? []).map(({ name }) => name),
    nodes: (hints?.forNodes ?? []).map(({ name }) => name),
  };
}
