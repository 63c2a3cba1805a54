import type { Pod } from '#shared/api/types/core-v1.ts';
import { keyOf } from '#shared/kube/object.ts';
import { type Block, edgesOf } from '#shared/policy/block.ts';
import type { CompiledPolicy } from '#shared/policy/compile.ts';
import { reachablePorts } from '#shared/policy/evaluate.ts';
import { createPolicyModel, type PolicyModel, type PolicyWorld } from '#shared/policy/model.ts';
import { addressesOf, type Endpoint } from '#shared/policy/party.ts';
import { difference, type PortRange } from '#shared/policy/ports.ts';

/** What changes from one side to the other when an edit is applied; pods as they are afterwards. */
export interface ReachChange {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly opened: readonly PortRange[];
  readonly closed: readonly PortRange[];
}

/** One side in both worlds, and what tells it from others in the eyes of policies. */
interface Side {
  readonly before: Endpoint;
  readonly after: Endpoint;
  readonly likeness: string;
}

/** Stands for everywhere that no `ipBlock` names (TEST-NET-3). */
const elsewhere = '203.0.113.203';

/**
 * What an edit opens and closes, exactly: for every pair of pods that are there before and after, and
 * for every pod with one address of each range that some `ipBlock` names. Pods that policies cannot
 * tell apart are computed once.
 */
export function reachChanges(before: PolicyWorld, after: PolicyWorld): readonly ReachChange[] {
  const models = [createPolicyModel(before), createPolicyModel(after)] as const;
  const blocks = models.flatMap(({ policies }) => policies.flatMap(blocksOf));
  const pods = podSides(models, blocks);
  const addresses = addressSides(blocks);
  const known = new Map<string, Pick<ReachChange, 'opened' | 'closed'>>();

  const compare = (from: Side, to: Side): ReachChange => {
    const key = `${from.likeness} → ${to.likeness}`;
    let change = known.get(key);
    if (!change) known.set(key, (change = changeBetween(models, from, to)));
    return { from: from.after, to: to.after, ...change };
  };
  return [
    ...pods.flatMap((from) => pods.filter((to) => to !== from).map((to) => compare(from, to))),
    ...pods.flatMap((pod) =>
      addresses.flatMap((address) => [compare(pod, address), compare(address, pod)]),
    ),
  ].filter(({ opened, closed }) => opened.length > 0 || closed.length > 0);
}

function changeBetween(
  [before, after]: readonly [PolicyModel, PolicyModel],
  from: Side,
  to: Side,
): Pick<ReachChange, 'opened' | 'closed'> {
  const was = reachablePorts(before, { from: from.before, to: to.before });
  const is = reachablePorts(after, { from: from.after, to: to.after });
  return { opened: difference(is, was), closed: difference(was, is) };
}

function podSides(
  [before, after]: readonly [PolicyModel, PolicyModel],
  blocks: readonly Block[],
): readonly Side[] {
  const old = new Map(before.pods.map((pod) => [keyOf(pod.metadata), pod]));
  return after.pods.flatMap((pod) => {
    const was = old.get(keyOf(pod.metadata));
    if (!was) return [];
    const likeness = [was, pod].map((one) => likenessOf(one, blocks)).join(' ');
    return { before: { pod: was }, after: { pod }, likeness };
  });
}

function likenessOf(pod: Pod, blocks: readonly Block[]): string {
  const { metadata, spec } = pod;
  const ports = [...spec.containers, ...(spec.initContainers ?? [])].flatMap(
    (container) => container.ports ?? [],
  );
  const labels = Object.entries(metadata.labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    metadata.namespace,
    labels,
    ports.map(({ name, protocol, containerPort }) => [name, protocol, containerPort]),
    blocks.map((block) => addressesOf(pod).some((address) => block.has(address))),
  ]);
}

function addressSides(blocks: readonly Block[]): readonly Side[] {
  const edges = blocks.flatMap(({ source }) =>
    [source.cidr, ...(source.except ?? [])].flatMap(edgesOf),
  );
  return [...new Set([...edges, elsewhere])].map((address) => ({
    before: { address },
    after: { address },
    likeness: address,
  }));
}

function blocksOf({ rules }: CompiledPolicy): readonly Block[] {
  return [...(rules.ingress ?? []), ...(rules.egress ?? [])]
    .flatMap(({ peers = [] }) => peers)
    .flatMap((peer) => ('block' in peer ? peer.block : []));
}
