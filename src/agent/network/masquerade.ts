import { PartBuilder, type TablePart } from '#agent/nftables/part.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import { isIpv6 } from '#shared/kube/ip.ts';

export const masqueradeTable = 'ip pilothouse-network';
export const clusterAddresses = 'cluster-addresses';

/**
 * Pods are known by their own addresses inside the cluster, pods and nodes alike. Outside nobody knows
 * the way back to them: what leaves goes under the node's address.
 */
export function masqueradeRules({
  ownRange,
  podRange,
  nodes,
}: {
  readonly ownRange: string | undefined;
  readonly podRange: string;
  readonly nodes: Iterable<Node>;
}): TablePart {
  const part = new PartBuilder()
    .set(clusterAddresses, 'set { type ipv4_addr ; flags interval ; auto-merge ; }')
    .chain(
      'postrouting',
      ownRange === undefined
        ? []
        : [`ip saddr ${ownRange} ip daddr != @${clusterAddresses} masquerade fully-random`],
      // Behind the proxy of services, which has its own reasons to masquerade.
      'type nat hook postrouting priority 110',
    )
    .element(clusterAddresses, podRange);
  for (const { status } of nodes) {
    for (const { type, address } of status.addresses ?? []) {
      const isAddress = type === 'InternalIP' || type === 'ExternalIP';
      if (isAddress && !isIpv6(address)) part.element(clusterAddresses, address);
    }
  }
  return part;
}
