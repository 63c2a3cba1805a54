import type { EndpointAddress, EndpointSubset } from '#shared/api/types/core-v1.ts';
import type { Endpoint, EndpointPort } from '#shared/api/types/discovery-v1.ts';
import { formatIp, parseIp } from '#shared/kube/ip.ts';
import { endpointsPortHash, sortedByHash } from './order.ts';
import { portsKey } from './slice-plan.ts';

export const mostMirrored = 1000;

/** What one slice mirrors: addresses of one family that share their ports. */
export interface MirrorGroup {
  readonly addressType: 'IPv4' | 'IPv6';
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Endpoint[];
}

export interface Mirrored {
  /** By address type and ports; a group may be empty. */
  readonly groups: ReadonlyMap<string, MirrorGroup>;
  readonly invalid: number;
  /** Invalid ones, and those beyond what a slice may hold. */
  readonly skipped: number;
}

interface Placed {
  readonly address: EndpointAddress;
  readonly isReady: boolean;
}

export function groupKey(addressType: string, ports: readonly EndpointPort[]): string {
  return `${addressType}-${portsKey(ports)}`;
}

export function mirrored(subsets: readonly EndpointSubset[]): Mirrored {
  const groups = new Map<string, MirrorGroup>();
  let [invalid, skipped] = [0, 0];
  for (const { ports, placed } of repacked(subsets)) {
    const families = (['IPv4', 'IPv6'] as const).map((addressType) => {
      const key = groupKey(addressType, ports);
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
      groups.set(key, group);
      return group;
    });
    let added = 0;
    for (const one of placed) {
      if (added >= mostMirrored) break;
      const endpoint = endpointOf(one);
      if (endpoint) {
        added += 1;
        families[endpoint.addresses[0]!.includes(':') ? 1 : 0]!.endpoints.push(endpoint);
      } else invalid += 1;
    }
    skipped += placed.length - added;
  }
  return { groups, invalid, skipped };
}

function endpointOf({ address, isReady }: Placed): Endpoint | undefined {
  const ip = parseIp(address.ip);
  if (!ip) return undefined;
  const { targetRef, nodeName, hostname } = address;
  return {
    addresses: [formatIp(ip)],
    conditions: { ready: isReady },
    ...(hostname && { hostname }),
    ...(targetRef && { targetRef }),
    ...(nodeName && { nodeName }),
  };
}

/** The same endpoints in the fewest subsets, ready addresses first. */
function repacked(
  subsets: readonly EndpointSubset[],
): { readonly ports: readonly EndpointPort[]; readonly placed: readonly Placed[] }[] {
  const byPort = new Map<string, { port?: EndpointPort; placed: Map<string, Placed> }>();
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const wanted: (EndpointPort | undefined)[] = ports.length > 0 ? [...ports] : [undefined];
    for (const port of wanted) {
      const key = port ? portsKey([port]) : '';
      const entry = byPort.get(key) ?? { ...(port && { port }), placed: new Map() };
      byPort.set(key, entry);
      for (const address of addresses) {
        const known = entry.placed.get(addressKey(address));
        if (!known) entry.placed.set(addressKey(address), { address, isReady: true });
      }
      for (const address of notReadyAddresses)
        entry.placed.set(addressKey(address), { address, isReady: false });
    }
  }
  const bySet = new Map<string, { ports: EndpointPort[]; placed: Placed[] }>();
  for (const { port, placed } of byPort.values()) {
    const inOrder = [...placed].sort(([a], [b]) => (a < b ? -1 : 1));
    const set = inOrder.map(([key, { isReady }]) => `${key} ${isReady}`).join('\n');
    const sorted = inOrder.map(([, one]) => one);
    const entry = bySet.get(set) ?? {
      ports: [],
      placed: [...sorted.filter((one) => one.isReady), ...sorted.filter((one) => !one.isReady)],
    };
    bySet.set(set, entry);
    if (port) entry.ports.push(port);
  }
  return [...bySet.values()].map(({ ports, placed }) => ({
    ports: sortedByHash(ports, endpointsPortHash).map(slicePort),
    placed,
  }));
}

function slicePort({ name = '', port, protocol = 'TCP', appProtocol }: EndpointPort): EndpointPort {
  return { name, ...(port && { port }), protocol, ...(appProtocol && { appProtocol }) };
}

function addressKey({ ip, targetRef }: EndpointAddress): string {
  return `${ip}/${targetRef?.uid ?? ''}`;
}
