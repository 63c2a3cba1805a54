import type { CompiledPolicy, CompiledRule, Direction } from '#shared/policy/compile.ts';
import { createPolicyModel, type PolicyModel, type PolicyWorld } from '#shared/policy/model.ts';
import { type Endpoint, isSamePod, type Party, partyOf } from '#shared/policy/party.ts';
import {
  everyPort,
  hasPort,
  intersection,
  joined,
  type PortRange,
  type Protocol,
  rangesFor,
} from '#shared/policy/ports.ts';

/** A connection that somebody might open: the port is the receiver's own, behind any Service. */
export interface Flow {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly port: number;
  readonly protocol: Protocol;
}

export interface PolicyName {
  readonly namespace: string;
  readonly name: string;
}

/** One rule of one policy; `index` is its place in `spec.ingress` or `spec.egress`. */
export interface RuleName {
  readonly policy: PolicyName;
  readonly index: number;
}

/** A rule that did not let the flow through, and which half of it did match. */
export interface Miss extends RuleName {
  readonly isPeer: boolean;
  readonly isPort: boolean;
}

export type DirectionVerdict =
  /** No policy is about this side in this direction. */
  | { readonly allowed: true; readonly reason: 'not isolated' }
  /** This side is a node or an address, which policies do not select. */
  | { readonly allowed: true; readonly reason: 'not a pod' }
  /** A pod always reaches itself. */
  | { readonly allowed: true; readonly reason: 'same pod' }
  /** A pod and its own node always reach each other. */
  | { readonly allowed: true; readonly reason: 'own node' }
  /** The first rule that lets it through, and any others that do as well. */
  | {
      readonly allowed: true;
      readonly reason: 'rule';
      readonly rule: RuleName;
      readonly others: readonly RuleName[];
    }
  /** Isolated by these policies, and no rule of theirs matches. */
  | {
      readonly allowed: false;
      readonly reason: 'isolated';
      readonly by: readonly PolicyName[];
      readonly misses: readonly Miss[];
    };

export interface FlowVerdict {
  /** Both sides must allow it. */
  readonly allowed: boolean;
  readonly egress: DirectionVerdict;
  readonly ingress: DirectionVerdict;
}

/**
 * What policies say about a flow, and which rule decides, as networking.k8s.io/v1 documents it. For
 * many flows of one world make the model once and use `evaluateIn`.
 */
export function evaluate(world: PolicyWorld, flow: Flow): FlowVerdict {
  return evaluateIn(createPolicyModel(world), flow);
}

export function evaluateIn(model: PolicyModel, flow: Flow): FlowVerdict {
  const from = partyOf(flow.from, model.known);
  const to = partyOf(flow.to, model.known);
  const verdictOf = (direction: Direction): DirectionVerdict =>
    exempt(model, { from, to }, direction) ?? judge(model, { ...flow, from, to }, direction);
  const egress = verdictOf('egress');
  const ingress = verdictOf('ingress');
  return { allowed: egress.allowed && ingress.allowed, egress, ingress };
}

/** Every port that may be reached from one side to the other; empty means that nothing passes. */
export function reachablePorts(
  model: PolicyModel,
  { from, to }: Pick<Flow, 'from' | 'to'>,
): readonly PortRange[] {
  const parties = { from: partyOf(from, model.known), to: partyOf(to, model.known) };
  const allowedBy = (direction: Direction): readonly PortRange[] =>
    exempt(model, parties, direction)
      ? everyPort
      : joined(
          rulesFor(model, parties, direction)
            .filter((rule) => isPeerOf(model, parties, { ...rule, direction }))
            .flatMap(({ rule }) => rangesFor(rule.ports, parties.to.pod)),
        );
  return intersection(allowedBy('egress'), allowedBy('ingress'));
}

interface Parties {
  readonly from: Party;
  readonly to: Party;
}

interface RuleOfPolicy {
  readonly policy: CompiledPolicy;
  readonly rule: CompiledRule;
}

/** Why no rule needs to be looked at, if so. */
function exempt(
  model: PolicyModel,
  { from, to }: Parties,
  direction: Direction,
): DirectionVerdict | undefined {
  const subject = (direction === 'egress' ? from : to).pod;
  const other = direction === 'egress' ? to : from;
  if (!subject) return { allowed: true, reason: 'not a pod' };
  if (model.isolating(subject, direction).length === 0) {
    return { allowed: true, reason: 'not isolated' };
  }
  if (other.pod) {
    return isSamePod(subject, other.pod) ? { allowed: true, reason: 'same pod' } : undefined;
  }
  const isOwnNode = other.node !== undefined && other.node === subject.spec.nodeName;
  return isOwnNode ? { allowed: true, reason: 'own node' } : undefined;
}

function judge(
  model: PolicyModel,
  flow: Parties & Pick<Flow, 'port' | 'protocol'>,
  direction: Direction,
): DirectionVerdict {
  const looked = rulesFor(model, flow, direction).map(({ policy, rule }) => ({
    policy: nameOf(policy),
    index: rule.index,
    isPeer: isPeerOf(model, flow, { policy, rule, direction }),
    isPort: hasPort(rangesFor(rule.ports, flow.to.pod), flow.protocol, flow.port),
  }));
  const [rule, ...others] = looked
    .filter(({ isPeer, isPort }) => isPeer && isPort)
    .map(({ policy, index }): RuleName => ({ policy, index }));
  if (rule) return { allowed: true, reason: 'rule', rule, others };
  const subject = direction === 'egress' ? flow.from : flow.to;
  const by = subject.pod ? model.isolating(subject.pod, direction).map(nameOf) : [];
  return { allowed: false, reason: 'isolated', by, misses: looked };
}

function rulesFor(
  model: PolicyModel,
  { from, to }: Parties,
  direction: Direction,
): readonly RuleOfPolicy[] {
  const subject = direction === 'egress' ? from : to;
  if (!subject.pod) return [];
  return model
    .isolating(subject.pod, direction)
    .flatMap((policy) => (policy.rules[direction] ?? []).map((rule) => ({ policy, rule })));
}

function isPeerOf(
  model: PolicyModel,
  { from, to }: Parties,
  { policy, rule, direction }: RuleOfPolicy & { direction: Direction },
): boolean {
  const other = direction === 'egress' ? to : from;
  return !rule.peers || rule.peers.some((peer) => model.isPeer(other, peer, policy));
}

function nameOf({ namespace, policy }: CompiledPolicy): PolicyName {
  return { namespace, name: policy.metadata.name };
}
