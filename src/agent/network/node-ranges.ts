import type { Node } from '#shared/api/types/core-v1.ts';
import { isIpv6 } from '#shared/kube/ip.ts';

/** The IPv4 range of the node's pods, once it has been given one. */
export function podRangeOf(node: Node | undefined): string | undefined {
  const { podCIDR, podCIDRs } = node?.spec ?? {};
  const ranges = podCIDRs?.length ? podCIDRs : podCIDR ? [podCIDR] : [];
  return ranges.find((range) => !isIpv6(range.split('/')[0]!));
}
