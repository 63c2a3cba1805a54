import type { Endpoint, EndpointPort, EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import { isEqual } from '../values.ts';

export const mostPerSlice = 100;

/** Endpoints that share their ports, and the slices that hold such endpoints now. */
export interface PortGroup {
  readonly ports: readonly EndpointPort[];
  readonly wanted: readonly Endpoint[];
  readonly existing: readonly EndpointSlice[];
}

export interface SlicePlan {
  readonly create: { readonly endpoints: readonly Endpoint[] }[];
  readonly update: { readonly slice: EndpointSlice; readonly endpoints: readonly Endpoint[] }[];
  readonly remove: EndpointSlice[];
}

/** Equal for the same set of ports, whatever their order. */
export function portsKey(ports: readonly EndpointPort[]): string {
  return ports
    .map(({ name = '', port, protocol, appProtocol = '' }) =>
      [name, port, protocol, appProtocol].join('/'),
    )
    .sort()
    .join(',');
}

/** What makes two endpoints the same one, however their conditions change. */
export function identityOf({ addresses, hostname = '', targetRef }: Endpoint): string {
  const target = targetRef ? `${targetRef.namespace}/${targetRef.name}` : '';
  return `${addresses.join(',')}|${hostname}|${target}`;
}

/**
 * Changes as few slices as it can: endpoints stay where they are, new ones fill slices that change
 * anyway, then at most one more, then new slices.
 */
export function planSlices(
  { wanted, existing }: PortGroup,
  isStale: (slice: EndpointSlice) => boolean,
): SlicePlan {
  const left = new Map(wanted.map((endpoint) => [identityOf(endpoint), endpoint]));
  const changed = new Map<EndpointSlice, Endpoint[]>();
  const unchanged = new Map<EndpointSlice, Endpoint[]>();
  const plan: SlicePlan = { create: [], update: [], remove: [] };
  for (const slice of existing) {
    const kept: Endpoint[] = [];
    let isNews = false;
    const now = slice.endpoints ?? [];
    for (const endpoint of now) {
      const identity = identityOf(endpoint);
      const fresh = left.get(identity);
      if (!fresh) continue;
      left.delete(identity);
      kept.push(fresh);
      isNews ||= !isSameBeyondIdentity(fresh, endpoint);
    }
    if (isNews || kept.length !== now.length) {
      if (kept.length === 0) plan.remove.push(slice);
      else changed.set(slice, kept);
    } else if (isStale(slice)) changed.set(slice, kept);
    else unchanged.set(slice, kept);
  }
  fill([...left.values()], { changed, unchanged, plan });
  for (const [slice, endpoints] of changed) plan.update.push({ slice, endpoints });
  return plan;
}

function fill(
  left: Endpoint[],
  {
    changed,
    unchanged,
    plan,
  }: {
    readonly changed: Map<EndpointSlice, Endpoint[]>;
    readonly unchanged: Map<EndpointSlice, Endpoint[]>;
    readonly plan: SlicePlan;
  },
): void {
  const fullestFirst = [...changed.values()].sort((a, b) => b.length - a.length);
  for (const endpoints of fullestFirst)
    endpoints.push(...left.splice(0, Math.max(0, mostPerSlice - endpoints.length)));
  while (left.length > 0) {
    const roomy = left.length < mostPerSlice ? tightest(unchanged, left.length) : undefined;
    if (roomy) {
      const endpoints = [...unchanged.get(roomy)!, ...left.splice(0)];
      unchanged.delete(roomy);
      changed.set(roomy, endpoints);
    } else plan.create.push({ endpoints: left.splice(0, mostPerSlice) });
  }
}

/** The slice that all of them still fit into with the least room to spare. */
function tightest(
  slices: ReadonlyMap<EndpointSlice, readonly Endpoint[]>,
  count: number,
): EndpointSlice | undefined {
  let best: EndpointSlice | undefined;
  let least = mostPerSlice;
  for (const [slice, endpoints] of slices) {
    const spare = mostPerSlice - count - endpoints.length;
    if (spare < 0 || spare >= least) continue;
    best = slice;
    least = spare;
  }
  return best;
}

export function isSameBeyondIdentity(a: Endpoint, b: Endpoint): boolean {
  return (
    a.nodeName === b.nodeName &&
    a.zone === b.zone &&
    isEqual(a.conditions, b.conditions) &&
    a.targetRef?.uid === b.targetRef?.uid &&
    a.targetRef?.kind === b.targetRef?.kind
  );
}

/** Endpoints tell who should use them where the service prefers what is close. */
export function withHints(endpoint: Endpoint, distribution: string | undefined): Endpoint {
  const { hints: _, ...bare } = endpoint;
  const isClose =
    distribution === 'PreferClose' ||
    distribution === 'PreferSameZone' ||
    distribution === 'PreferSameNode';
  if (!isClose) return bare;
  if (!endpoint.conditions.ready) return endpoint;
  const forZones = endpoint.zone ? [{ name: endpoint.zone }] : undefined;
  const isByNode = distribution === 'PreferSameNode' && endpoint.nodeName;
  const forNodes = isByNode ? [{ name: endpoint.nodeName }] : undefined;
  if (!forZones && !forNodes) return bare;
  return { ...bare, hints: { ...(forZones && { forZones }), ...(forNodes && { forNodes }) } };
}
