import { createHash } from 'node:crypto';
import type { ChosenEndpoints, Endpoint } from '#agent/kube-proxy/endpoints.ts';
import { markForMasquerade, sets } from '#agent/kube-proxy/frame.ts';
import type { ServicePort } from '#agent/kube-proxy/service-port.ts';
import type { PartBuilder } from '#agent/nftables/part.ts';

/** Names of sets that remember which client belongs to which endpoint. */
export const affinityPrefix = 'affinity-';

/** The kernel takes longer names, but nobody wants to read them. */
const longestName = 128;

export interface ServiceRules {
  readonly part: PartBuilder;
  readonly chosen: ChosenEndpoints;
  /** The addresses of this node's pods, once it has some. */
  readonly podRange: string | undefined;
}

/**
 * Adds what one service port needs: a chain per traffic policy in use, one for what comes from
 * outside, and the elements that lead to them. Endpoints are picked by a map; only session affinity
 * needs a chain for each.
 */
export function addServicePort(service: ServicePort, rules: ServiceRules): void {
  const { part, chosen } = rules;
  const { cluster, local, hasAny } = chosen;
  const clusterChain = nameOf('service', service);
  const localChain = nameOf('local', service);
  const internalChain = service.isInternalLocal ? localChain : clusterChain;
  const internal = service.isInternalLocal ? local : cluster;

  part.element(sets.clusterIps, service.clusterIp);
  const fromInside = `${service.clusterIp} . ${service.protocol} . ${service.port}`;
  if (internal.length > 0) {
    part.element(sets.serviceIps, fromInside, `goto ${internalChain}`);
  } else part.element(sets.noEndpointServices, fromInside, refusal(hasAny));

  addExternal(service, rules, { clusterChain, localChain });
  const isMasqueraded = (chain: string): boolean => chain === internalChain;
  if (cluster.length > 0) {
    addPolicyChain(service, cluster, { ...rules, name: clusterChain, isMasqueraded });
  }
  if (local.length > 0) {
    addPolicyChain(service, local, { ...rules, name: localChain, isMasqueraded });
  }
}

/** Without any endpoint a client is refused; with some elsewhere only, it is left waiting. */
function refusal(hasAny: boolean): string {
  return hasAny ? 'drop' : 'goto reject-chain';
}

function addExternal(
  service: ServicePort,
  { part, chosen, podRange }: ServiceRules,
  { clusterChain, localChain }: { clusterChain: string; localChain: string },
): void {
  const { protocol, port, nodePort, externalIps, loadBalancerIps, isExternalLocal } = service;
  const addresses = [...externalIps, ...loadBalancerIps];
  if (nodePort === undefined && addresses.length === 0) return;
  const external = isExternalLocal ? chosen.local : chosen.cluster;
  const chain = nameOf('external', service);
  const lead = (set: string, key: string, without: string): void => {
    if (chosen.hasAny) part.element(set, key, `goto ${chain}`);
    if (external.length === 0) part.element(without, key, refusal(chosen.hasAny));
  };
  for (const address of addresses) {
    lead(sets.serviceIps, `${address} . ${protocol} . ${port}`, sets.noEndpointServices);
  }
  if (nodePort !== undefined) {
    lead(sets.nodePorts, `${protocol} . ${nodePort}`, sets.noEndpointNodePorts);
  }
  addFirewall(service, part);
  if (!chosen.hasAny) return;
  part.chain(
    chain,
    isExternalLocal
      ? [
          // What comes from this node or its pods goes anywhere, as if it were inside.
          ...(podRange === undefined || chosen.cluster.length === 0
            ? []
            : [`ip saddr ${podRange} goto ${clusterChain}`]),
          ...(chosen.cluster.length === 0
            ? []
            : [
                `fib saddr type local ${markForMasquerade}`,
                `fib saddr type local goto ${clusterChain}`,
              ]),
          ...(external.length > 0 ? [`goto ${localChain}`] : []),
        ]
      : [markForMasquerade, ...(external.length > 0 ? [`goto ${clusterChain}`] : [])],
  );
}

function addFirewall(service: ServicePort, part: PartBuilder): void {
  const { loadBalancerIps, sourceRanges, protocol, port } = service;
  if (loadBalancerIps.length === 0 || sourceRanges.length === 0) return;
  const chain = nameOf('firewall', service);
  part.chain(chain, [...sourceRanges.map((range) => `ip saddr ${range} return`), 'drop']);
  for (const address of loadBalancerIps) {
    part.element(sets.firewallIps, `${address} . ${protocol} . ${port}`, `goto ${chain}`);
  }
}

interface PolicyChain extends ServiceRules {
  readonly name: string;
  readonly isMasqueraded: (chain: string) => boolean;
}

function addPolicyChain(
  service: ServicePort,
  endpoints: readonly Endpoint[],
  { part, podRange, name, isMasqueraded }: PolicyChain,
): void {
  const masquerade =
    podRange !== undefined && isMasqueraded(name)
      ? [`ip daddr ${service.clusterIp} ip saddr != ${podRange} ${markForMasquerade}`]
      : [];
  for (const { ip, isLocal } of endpoints) {
    if (isLocal) part.element(sets.hairpins, `${ip} . ${ip}`);
  }
  const spread =
    service.affinitySeconds === undefined
      ? [translation(service, endpoints)]
      : stickyRules(service, endpoints, part);
  part.chain(name, [...masquerade, ...spread]);
}

function translation({ protocol }: ServicePort, endpoints: readonly Endpoint[]): string {
  const [first] = endpoints;
  if (endpoints.length === 1) return `meta l4proto ${protocol} dnat to ${first!.ip}:${first!.port}`;
  const choices = endpoints.map(({ ip, port }, index) => `${index} : ${ip} . ${port}`);
  return `meta l4proto ${protocol} dnat ip addr . port to numgen random mod ${choices.length} map { ${choices.join(', ')} }`;
}

/** A client that was here within the time goes where it went; any other goes anywhere. */
function stickyRules(
  service: ServicePort,
  endpoints: readonly Endpoint[],
  part: PartBuilder,
): string[] {
  const timeout = `${String(service.affinitySeconds)}s`;
  const targets = endpoints.map((endpoint) => {
    const { ip, port } = endpoint;
    const chain = nameOf('endpoint', service, `__${ip}/${port}`);
    const set = nameOf(`${affinityPrefix}${timeout}`, service, `__${ip}/${port}`);
    part
      .set(
        set,
        `set { type ipv4_addr ; size 65535 ; flags dynamic,timeout ; timeout ${timeout} ; }`,
      )
      .chain(chain, [`update @${set} { ip saddr }`, translation(service, [endpoint])]);
    return { chain, set };
  });
  const choices = targets.map(({ chain }, index) => `${index} : goto ${chain}`);
  return [
    ...targets.map(({ chain, set }) => `ip saddr @${set} goto ${chain}`),
    `numgen random mod ${choices.length} vmap { ${choices.join(', ')} }`,
  ];
}

/** `service-ULMVA6XW-ns1/svc1/tcp/p80`: a hash that is unique, and what it stands for. */
function nameOf(kind: string, { service, protocol, name }: ServicePort, of = ''): string {
  const meaning = `${service}/${protocol}/${name}${of}`;
  const hash = createHash('sha256').update(meaning).digest('hex').slice(0, 10).toUpperCase();
  return `${kind}-${hash}-${meaning}`.slice(0, longestName);
}
