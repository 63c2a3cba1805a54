import type { Namespace, Node, Pod } from '#shared/api/types/core-v1.ts';
import type { NetworkPolicy } from '#shared/api/types/networking-v1.ts';
import {
  type CompiledPeer,
  type CompiledPolicy,
  compilePolicy,
  type Direction,
} from '#shared/policy/compile.ts';
import {
  addressesOf,
  hasOwnNetwork,
  type KnownAddresses,
  type Party,
} from '#shared/policy/party.ts';

/** All that policies depend on. Nodes are needed to know a pod's own node by its addresses. */
export interface PolicyWorld {
  readonly pods: Iterable<Pod>;
  readonly namespaces: Iterable<Namespace>;
  readonly policies: Iterable<NetworkPolicy>;
  readonly nodes?: Iterable<Node>;
}

/** The world, indexed: which policies select a pod, and whom a rule's peer means. */
export interface PolicyModel {
  readonly pods: readonly Pod[];
  readonly policies: readonly CompiledPolicy[];
  readonly known: KnownAddresses;
  /** The policies that isolate this pod in this direction, by name. */
  isolating(pod: Pod, direction: Direction): readonly CompiledPolicy[];
  /** The pods that the policy selects; those on their node's network never. */
  selectedBy(policy: CompiledPolicy): readonly Pod[];
  /** The pods that a selecting peer means; an `ipBlock` means addresses, not pods: none. */
  podsOf(peer: CompiledPeer, policy: CompiledPolicy): readonly Pod[];
  isPeer(party: Party, peer: CompiledPeer, policy: CompiledPolicy): boolean;
}

export function createPolicyModel(world: PolicyWorld): PolicyModel {
  const pods = [...world.pods].filter(hasOwnNetwork);
  const policies = [...world.policies].map(compilePolicy).toSorted(byName);
  const labels = new Map(
    [...world.namespaces].map(({ metadata }) => [metadata.name, metadata.labels]),
  );
  const labelsOf = (namespace: string): Readonly<Record<string, string>> => ({
    ...labels.get(namespace),
    'kubernetes.io/metadata.name': namespace,
  });
  const byNamespace = Map.groupBy(policies, ({ namespace }) => namespace);
  const podsByNamespace = Map.groupBy(pods, namespaceOf);

  return {
    pods,
    policies,
    known: knownAddresses(pods, world.nodes ?? []),
    isolating(pod, direction) {
      if (!hasOwnNetwork(pod)) return [];
      return (byNamespace.get(namespaceOf(pod)) ?? []).filter(
        (policy) => policy.rules[direction] && policy.pods.matches(pod.metadata.labels),
      );
    },
    selectedBy({ namespace, pods }) {
      return (podsByNamespace.get(namespace) ?? []).filter(({ metadata }) =>
        pods.matches(metadata.labels),
      );
    },
    podsOf(peer, policy) {
      if ('block' in peer) return [];
      const namespaces = peer.namespaces
        ? [...podsByNamespace.keys()].filter((name) => peer.namespaces?.matches(labelsOf(name)))
        : [policy.namespace];
      return namespaces
        .flatMap((name) => podsByNamespace.get(name) ?? [])
        .filter(({ metadata }) => peer.pods.matches(metadata.labels));
    },
    isPeer({ pod, addresses }, peer, policy) {
      if ('block' in peer) return addresses.some((address) => peer.block.has(address));
      if (!pod) return false;
      const namespace = namespaceOf(pod);
      const isNamespace = peer.namespaces
        ? peer.namespaces.matches(labelsOf(namespace))
        : namespace === policy.namespace;
      return isNamespace && peer.pods.matches(pod.metadata.labels);
    },
  };
}

function knownAddresses(pods: readonly Pod[], nodes: Iterable<Node>): KnownAddresses {
  return {
    pods: new Map(pods.flatMap((pod) => addressesOf(pod).map((address) => [address, pod]))),
    nodes: new Map(
      [...nodes].flatMap(({ metadata, status }) =>
        (status.addresses ?? []).map(({ address }) => [address, metadata.name]),
      ),
    ),
  };
}

function namespaceOf({ metadata }: Pod): string {
  return metadata.namespace ?? '';
}

function byName(a: CompiledPolicy, b: CompiledPolicy): number {
  const left = `${a.namespace}/${a.policy.metadata.name}`;
  const right = `${b.namespace}/${b.policy.metadata.name}`;
  return left < right ? -1 : left > right ? 1 : 0;
}
