import { createHash } from 'node:crypto';
import { PartBuilder } from '#agent/nftables/part.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type {
  CompiledPeer,
  CompiledPolicy,
  CompiledRule,
  Direction,
} from '#shared/policy/compile.ts';
import type { PolicyModel } from '#shared/policy/model.ts';
import { addressesOf } from '#shared/policy/party.ts';
import { joined, type PortMatch, rangesFor } from '#shared/policy/ports.ts';
import { isIpv6 } from '#shared/kube/ip.ts';
import { keyOf } from '#shared/kube/object.ts';

export const policyTable = 'ip pilothouse-policy';

/** Verdict maps from the address of a pod of this node to the chain of its policies. */
export const isolated = { egress: 'egress-pods', ingress: 'ingress-pods' } as const;

const longestName = 128;
const portsOf = 'meta l4proto . th dport';

/** Where a packet goes that its sender may send: on to the receiver's policies. */
const allowed = { egress: 'goto to-pods', ingress: 'accept' } as const;

/**
 * What all policies hang in. Packets are judged behind the translation of services, by the address of
 * the pod that they go to. What a node and its own pods say to each other is not forwarded, and so
 * never judged. Every packet of whoever opened a connection is, so that a new policy also ends what
 * an older one had let through; answers pass.
 */
export function policyFrame(): PartBuilder {
  const verdicts = 'map { type ipv4_addr : verdict ; }';
  return new PartBuilder()
    .set(isolated.egress, verdicts)
    .set(isolated.ingress, verdicts)
    .chain(
      'forward',
      [
        'ct state related accept',
        'ct state established ct direction reply accept',
        `ip saddr vmap @${isolated.egress}`,
        'goto to-pods',
      ],
      'type filter hook forward priority -10',
    )
    .chain('to-pods', [`ip daddr vmap @${isolated.ingress}`, 'accept']);
}

/** The rules for these pods of this node, from the one model of what policies mean. */
export function policyRules(model: PolicyModel, local: readonly Pod[]): PartBuilder {
  const part = policyFrame();
  const policies = new Map<string, { policy: CompiledPolicy; direction: Direction; pods: Pod[] }>();
  for (const pod of local) {
    for (const direction of ['egress', 'ingress'] as const) {
      const isolating = model.isolating(pod, direction);
      if (isolating.length === 0) continue;
      addPod(part, { pod, direction, isolating });
      for (const policy of isolating) {
        const name = policyChain(policy, direction);
        const known = policies.get(name);
        if (known) known.pods.push(pod);
        else policies.set(name, { policy, direction, pods: [pod] });
      }
    }
  }
  for (const [name, { policy, direction, pods }] of policies) {
    const rules = (policy.rules[direction] ?? []).flatMap((rule) =>
      ruleLines({ part, model, policy, direction, pods }, rule),
    );
    part.chain(name, rules);
  }
  return part;
}

function addPod(
  part: PartBuilder,
  {
    pod,
    direction,
    isolating,
  }: { pod: Pod; direction: Direction; isolating: readonly CompiledPolicy[] },
): void {
  const chain = nameOf(`pod-${direction}`, keyOf(pod.metadata));
  const addresses = ipv4Of(pod);
  const other = direction === 'egress' ? 'daddr' : 'saddr';
  for (const address of addresses) part.element(isolated[direction], address, `goto ${chain}`);
  part.chain(chain, [
    // A pod always reaches itself, as behind a service.
    ...addresses.map((address) => `ip ${other} ${address} accept`),
    ...isolating.map((policy) => `jump ${policyChain(policy, direction)}`),
    'counter drop',
  ]);
}

interface RuleContext {
  readonly part: PartBuilder;
  readonly model: PolicyModel;
  readonly policy: CompiledPolicy;
  readonly direction: Direction;
  /** The pods of this node that the policy selects. */
  readonly pods: readonly Pod[];
}

/** One line per peer and kind of port: by number, or by a name that each receiver has its own port for. */
function ruleLines(context: RuleContext, rule: CompiledRule): readonly string[] {
  const verdict = allowed[context.direction];
  const matches = (rule.peers ?? [undefined]).map((peer) => peerMatch(context, peer));
  const lines: string[] = [];
  const byNumber = numberMatch(rule.ports);
  if (byNumber !== undefined) {
    lines.push(...matches.map((match) => [match, byNumber, verdict].filter(Boolean).join(' ')));
  }
  const names = (rule.ports ?? []).filter((port) => 'name' in port);
  if (names.length > 0) {
    const set = addNamedPorts(context, rule, names);
    lines.push(
      ...matches.map((match) =>
        [match, `ip daddr . ${portsOf} @${set}`, verdict].filter(Boolean).join(' '),
      ),
    );
  }
  return lines;
}

function peerMatch(
  { part, model, policy, direction }: RuleContext,
  peer: CompiledPeer | undefined,
): string {
  if (!peer) return '';
  const side = direction === 'egress' ? 'ip daddr' : 'ip saddr';
  if ('block' in peer) {
    const { cidr, except = [] } = peer.block.source;
    if (isIpv6(cidr.split('/')[0]!)) return `${side} 0.0.0.0/32`;
    return [`${side} ${cidr}`, ...except.map((range) => `${side} != ${range}`)].join(' ');
  }
  const set = nameOf('peers', meaningOf(peer, policy));
  part.set(set, 'set { type ipv4_addr ; }');
  for (const pod of model.podsOf(peer, policy)) {
    for (const address of ipv4Of(pod)) part.element(set, address);
  }
  return `${side} @${set}`;
}

/** The ports that go by number; '' for all of them, nothing where there are none. */
function numberMatch(ports: readonly PortMatch[] | undefined): string | undefined {
  if (!ports) return '';
  const ranges = joined(ports.flatMap((port) => ('name' in port ? [] : port)));
  if (ranges.length === 0) return undefined;
  const elements = ranges.map(({ protocol, from, to }) => {
    const numbers = from === to ? String(from) : `${from}-${to}`;
    return `${protocol.toLowerCase()} . ${numbers}`;
  });
  return `${portsOf} { ${elements.join(', ')} }`;
}

/** The receivers that have ports by these names: selected pods for ingress, any pod for egress. */
function addNamedPorts(
  { part, model, policy, direction, pods }: RuleContext,
  rule: CompiledRule,
  names: readonly PortMatch[],
): string {
  const set = nameOf('ports', `${policyChain(policy, direction)}/${rule.index}`);
  part.set(set, 'set { type ipv4_addr . inet_proto . inet_service ; }');
  for (const pod of direction === 'ingress' ? pods : model.pods) {
    for (const { protocol, from } of rangesFor(names, pod)) {
      for (const address of ipv4Of(pod)) {
        part.element(set, `${address} . ${protocol.toLowerCase()} . ${from}`);
      }
    }
  }
  return set;
}

function ipv4Of(pod: Pod): readonly string[] {
  return addressesOf(pod).filter((address) => !isIpv6(address));
}

/** Peers that mean the same pods share a set. */
function meaningOf(
  { namespaces, pods }: Exclude<CompiledPeer, { block: unknown }>,
  { namespace }: CompiledPolicy,
): string {
  const scope = namespaces ? JSON.stringify(namespaces.requirements) : namespace;
  return `${scope} ${JSON.stringify(pods.requirements)}`;
}

function policyChain({ namespace, policy }: CompiledPolicy, direction: Direction): string {
  return nameOf(`policy-${direction}`, `${namespace}/${policy.metadata.name}`);
}

/** A name that is unique by its hash, with as much of what it stands for as can be written. */
function nameOf(kind: string, meaning: string): string {
  const hash = createHash('sha256').update(meaning).digest('hex').slice(0, 10).toUpperCase();
  const readable = /^[a-z0-9./-]+$/.test(meaning) ? `-${meaning}` : '';
  return `${kind}-${hash}${readable}`.slice(0, longestName);
}
