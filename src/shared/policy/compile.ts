import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '#shared/api/types/networking-v1.ts';
import { type Selector, selectorOf } from '#shared/kube/selectors.ts';
import { type Block, blockOf } from '#shared/policy/block.ts';
import { type PortMatch, portMatchOf } from '#shared/policy/ports.ts';

export type Direction = 'ingress' | 'egress';

/** One peer of a rule. Pods are matched by namespace and labels, everything else by address. */
export type CompiledPeer =
  | { readonly block: Block }
  | {
      /** Labels of the pod's namespace; absent means the policy's own namespace. */
      readonly namespaces: Selector | undefined;
      readonly pods: Selector;
    };

export interface CompiledRule {
  /** Its place in `spec.ingress` or `spec.egress`. */
  readonly index: number;
  /** Absent: from (or to) anywhere. */
  readonly peers: readonly CompiledPeer[] | undefined;
  /** Absent: every port and every protocol. */
  readonly ports: readonly PortMatch[] | undefined;
}

export interface CompiledPolicy {
  readonly policy: NetworkPolicy;
  readonly namespace: string;
  readonly pods: Selector;
  /** The rules of each direction that the policy isolates; absent where it says nothing. */
  readonly rules: Readonly<Partial<Record<Direction, readonly CompiledRule[]>>>;
}

const compiled = new WeakMap<NetworkPolicy, CompiledPolicy>();

/** Policies never change once stored, so that each is compiled once. */
export function compilePolicy(policy: NetworkPolicy): CompiledPolicy {
  let result = compiled.get(policy);
  if (!result) compiled.set(policy, (result = compile(policy)));
  return result;
}

function compile(policy: NetworkPolicy): CompiledPolicy {
  const { podSelector, ingress = [], egress = [], policyTypes = [] } = policy.spec;
  const types =
    policyTypes.length > 0 ? policyTypes : egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  return {
    policy,
    namespace: policy.metadata.namespace ?? '',
    pods: selectorOf(podSelector),
    rules: {
      ...(types.includes('Ingress') && {
        ingress: ingress.map(({ from, ports }, index) => compileRule(index, from, ports)),
      }),
      ...(types.includes('Egress') && {
        egress: egress.map(({ to, ports }, index) => compileRule(index, to, ports)),
      }),
    },
  };
}

/** An empty list of peers or ports means the same as none: all of them. */
function compileRule(
  index: number,
  peers: readonly NetworkPolicyPeer[] = [],
  ports: readonly NetworkPolicyPort[] = [],
): CompiledRule {
  return {
    index,
    peers: peers.length > 0 ? peers.map(compilePeer) : undefined,
    ports: ports.length > 0 ? ports.map(portMatchOf) : undefined,
  };
}

function compilePeer({ ipBlock, namespaceSelector, podSelector }: NetworkPolicyPeer): CompiledPeer {
  if (ipBlock) return { block: blockOf(ipBlock) };
  return {
    namespaces: namespaceSelector && selectorOf(namespaceSelector),
    pods: selectorOf(podSelector ?? {}),
  };
}
