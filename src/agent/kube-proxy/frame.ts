import { PartBuilder, type TablePart } from '#agent/nftables/part.ts';
import type { AgentSettings } from '#agent/settings.ts';

/** The sets and maps that services put their elements in, by upstream's names. */
export const sets = {
  clusterIps: 'cluster-ips',
  nodePortIps: 'nodeport-ips',
  serviceIps: 'service-ips',
  nodePorts: 'service-nodeports',
  noEndpointServices: 'no-endpoint-services',
  noEndpointNodePorts: 'no-endpoint-nodeports',
  firewallIps: 'firewall-ips',
  /** Address pairs of endpoints that may reach themselves: the answer must come back this way. */
  hairpins: 'hairpin-connections',
} as const;

export const markForMasquerade = 'jump mark-for-masquerade';

const masqueradeMark = '0x4000';
const toAddress = 'ip daddr . meta l4proto . th dport';
const toPort = 'meta l4proto . th dport';
const addressed = 'type ipv4_addr . inet_proto . inet_service : verdict';
const byPort = 'type inet_proto . inet_service : verdict';

/**
 * What every service hangs in: base chains at upstream's priorities, so that other rule sets which
 * order themselves around kube-proxy's find it where they expect it.
 */
export function frame({
  nodeAddresses: [nodeAddress = ''],
  serviceRange,
}: Pick<AgentSettings, 'nodeAddresses' | 'serviceRange'>): TablePart {
  const part = new PartBuilder()
    .set(sets.clusterIps, 'set { type ipv4_addr ; comment "Active ClusterIPs" ; }')
    .set(sets.nodePortIps, 'set { type ipv4_addr ; comment "IPs that accept NodePort traffic" ; }')
    .set(sets.serviceIps, `map { ${addressed} ; }`)
    .set(sets.nodePorts, `map { ${byPort} ; }`)
    .set(sets.noEndpointServices, `map { ${addressed} ; }`)
    .set(sets.noEndpointNodePorts, `map { ${byPort} ; }`)
    .set(sets.firewallIps, `map { ${addressed} ; }`)
    .set(sets.hairpins, 'set { type ipv4_addr . ipv4_addr ; }')
    .element(sets.nodePortIps, nodeAddress);
  addFilters(part, serviceRange);
  addTranslation(part);
  return part;
}

function addFilters(part: PartBuilder, serviceRange: string): void {
  const isNew = (chain: string): string => `ct state new jump ${chain}`;
  const filter = (hook: string, priority: number): string =>
    `type filter hook ${hook} priority ${priority}`;
  part
    .chain('filter-prerouting-pre-dnat', [isNew('firewall-check')], filter('prerouting', -110))
    .chain('filter-output-pre-dnat', [isNew('firewall-check')], filter('output', -110))
    .chain(
      'filter-input',
      [isNew('nodeport-endpoints-check'), isNew('service-endpoints-check')],
      filter('input', 0),
    )
    .chain(
      'filter-forward',
      [isNew('service-endpoints-check'), isNew('cluster-ips-check')],
      filter('forward', 0),
    )
    .chain(
      'filter-output',
      [isNew('service-endpoints-check'), isNew('cluster-ips-check')],
      filter('output', 0),
    )
    .chain('firewall-check', [`${toAddress} vmap @${sets.firewallIps}`])
    .chain('service-endpoints-check', [`${toAddress} vmap @${sets.noEndpointServices}`])
    .chain('nodeport-endpoints-check', [
      `ip daddr @${sets.nodePortIps} ${toPort} vmap @${sets.noEndpointNodePorts}`,
    ])
    .chain('cluster-ips-check', [
      // An address of the range that the node itself has, as its DNS server's, is nobody's service.
      'fib daddr type local return',
      `ip daddr @${sets.clusterIps} reject comment "Reject traffic to invalid ports of ClusterIPs"`,
      `ip daddr ${serviceRange} drop comment "Drop traffic to unallocated ClusterIPs"`,
    ])
    .chain('reject-chain', ['reject']);
}

function addTranslation(part: PartBuilder): void {
  part
    .chain('nat-prerouting', ['jump services'], 'type nat hook prerouting priority -100')
    .chain('nat-output', ['jump services'], 'type nat hook output priority -100')
    .chain('nat-postrouting', ['jump masquerading'], 'type nat hook postrouting priority 100')
    .chain('services', [
      `${toAddress} vmap @${sets.serviceIps}`,
      `ip daddr @${sets.nodePortIps} ${toPort} vmap @${sets.nodePorts}`,
    ])
    .chain('mark-for-masquerade', [`mark set mark or ${masqueradeMark}`])
    .chain('masquerading', [
      `ct status dnat ip saddr . ip daddr @${sets.hairpins} ${markForMasquerade}`,
      `mark and ${masqueradeMark} == 0 return`,
      // Cleared, so that a packet that is wrapped and sent on is not masqueraded again.
      `mark set mark xor ${masqueradeMark}`,
      'masquerade fully-random',
    ]);
}
