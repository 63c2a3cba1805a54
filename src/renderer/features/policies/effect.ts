import type { NetworkPolicy } from '#shared/api/types/networking-v1.ts';
import { keyOf } from '#shared/kube/object.ts';
import { reachChanges, type PolicyWorld, type ReachChange } from '#shared/policy/index.ts';
import { groupByPod, type PodGroup } from './groups.ts';
import { rangesText } from './words.ts';

/** A pair of groups (or a group and an address) between which something changes. */
export interface EffectLine {
  readonly from: string;
  readonly to: string;
  readonly change: 'opens' | 'closes';
  readonly ports: string;
}

/** Above this many pods one of each group speaks for all. */
const podsAtOnce = 300;

/** What an edit would open and close, by name, the same for each pod of a group said once. */
export function effectOf(
  world: PolicyWorld,
  groups: readonly PodGroup[],
  { edited, original }: { readonly edited: NetworkPolicy | undefined; readonly original?: string },
): readonly EffectLine[] {
  const all = groups.flatMap(({ pods }) => pods);
  const pods = all.length > podsAtOnce ? groups.flatMap(({ pods: [one] }) => one ?? []) : all;
  const policies = [...world.policies];
  const others = policies.filter(({ metadata }) => keyOf(metadata) !== original);
  const before = { ...world, pods, policies };
  const after = { ...world, pods, policies: edited ? [...others, edited] : others };
  const groupOf = groupByPod(groups);
  const nameOf = (end: ReachChange['from']): string => {
    if ('pod' in end) return groupOf.get(keyOf(end.pod.metadata))?.id ?? keyOf(end.pod.metadata);
    return 'address' in end ? addressText(end.address) : end.node.metadata.name;
  };
  const lines = new Map<string, EffectLine>();
  for (const { from, to, opened, closed } of reachChanges(before, after))
    for (const [change, ranges] of [
      ['opens', opened],
      ['closes', closed],
    ] as const) {
      if (ranges.length === 0) continue;
      const line = { from: nameOf(from), to: nameOf(to), change, ports: rangesText(ranges) };
      lines.set(JSON.stringify(line), line);
    }
  return [...lines.values()].sort(
    (a, b) => a.change.localeCompare(b.change) || a.from.localeCompare(b.from),
  );
}

/** The evaluator stands for all that no policy names with an address of its own. */
function addressText(address: string): string {
  return address === '203.0.113.203' ? 'anywhere else' : address;
}
