import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { keyOf } from '#shared/kube/object.ts';

/** One side of a connection, as somebody names it. */
export type Endpoint =
  | { readonly pod: Pod }
  | { readonly node: Node }
  /** An address outside the cluster (one of a pod or node counts as that pod or node). */
  | { readonly address: string };

/** One side of a connection, as policies see it: pods on the node's network are the node. */
export interface Party {
  /** A pod with a network of its own. */
  readonly pod: Pod | undefined;
  /** The node that it is on, or that it is. */
  readonly node: string | undefined;
  readonly addresses: readonly string[];
}

export interface KnownAddresses {
  readonly pods: ReadonlyMap<string, Pod>;
  /** Node names by address. */
  readonly nodes: ReadonlyMap<string, string>;
}

export function partyOf(endpoint: Endpoint, known: KnownAddresses): Party {
  if ('node' in endpoint) {
    const { metadata, status } = endpoint.node;
    const addresses = (status.addresses ?? []).map(({ address }) => address);
    return { pod: undefined, node: metadata.name, addresses };
  }
  if ('pod' in endpoint) return partyOfPod(endpoint.pod);
  const pod = known.pods.get(endpoint.address);
  if (pod) return partyOfPod(pod);
  return {
    pod: undefined,
    node: known.nodes.get(endpoint.address),
    addresses: [endpoint.address],
  };
}

export function isSamePod(a: Pod, b: Pod): boolean {
  return a === b || keyOf(a.metadata) === keyOf(b.metadata);
}

/** Whether policies are about this pod at all: it has an address of its own, or will have one. */
export function hasOwnNetwork({ spec, status }: Pod): boolean {
  return !spec.hostNetwork && status.phase !== 'Succeeded' && status.phase !== 'Failed';
}

export function addressesOf({ status }: Pod): readonly string[] {
  if (status.podIPs?.length) return status.podIPs.map(({ ip }) => ip);
  return status.podIP ? [status.podIP] : [];
}

function partyOfPod(pod: Pod): Party {
  const { nodeName } = pod.spec;
  return {
    pod: pod.spec.hostNetwork ? undefined : pod,
    node: nodeName || undefined,
    addresses: addressesOf(pod),
  };
}
