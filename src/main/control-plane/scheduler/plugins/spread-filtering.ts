import type { NodeTest } from '#shared/kube/node-selection.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';
import type { TopologyColumn } from '../topology.ts';
import {
  countedPods,
  hasTopologyKeys,
  inclusionTest,
  type SpreadConstraint,
} from './spread-constraints.ts';

const absent = -1;
const noDomain = { id: absent, pods: 0x7fffffff };

/** The two domains with the fewest matching pods, followed through additions and removals. */
type Fewest = readonly [
  { readonly id: number; readonly pods: number },
  { readonly id: number; readonly pods: number },
];

/** One constraint with the matching pods of each domain. */
interface Spread {
  readonly constraint: SpreadConstraint;
  readonly column: TopologyColumn;
  readonly includes: NodeTest | undefined;
  readonly matchesSelf: boolean;
  /** By value id of the column; -1 for values that no node taking part has. */
  readonly pods: Int32Array;
  domains: number;
  fewest: Fewest;
}

export interface SpreadState {
  readonly pod: PodInfo;
  readonly constraints: readonly SpreadConstraint[];
  readonly spreads: readonly Spread[];
}

export type Misfit = 'no label' | 'skew';

/** Counts the matching pods of every domain for every constraint. */
export function spreadState(
  pod: PodInfo,
  constraints: readonly SpreadConstraint[],
  snapshot: Snapshot,
): SpreadState {
  const spreads = constraints.map((constraint) =>
    countDomains(pod, constraint, { snapshot, constraints }),
  );
  return { pod, constraints, spreads };
}

export function cloneSpreadState(state: SpreadState): SpreadState {
  const spreads = state.spreads.map((spread) => ({ ...spread, pods: spread.pods.slice() }));
  return { ...state, spreads };
}

/** Counts one pod more or less on a node. */
export function changeSpread(
  { pod, constraints, spreads }: SpreadState,
  other: PodInfo,
  { node, change }: { readonly node: NodeInfo; readonly change: 1 | -1 },
): void {
  if (other.namespace !== pod.namespace || !node.node) return;
  if (!hasTopologyKeys(node.labels, constraints)) return;
  for (const spread of spreads) {
    const { constraint, column, includes, pods } = spread;
    if (!constraint.selector.matches(other.labels)) continue;
    if (includes && !includes(node.node)) continue;
    const id = column.ids[node.slot] ?? absent;
    if (id === absent) continue;
    let before = pods[id] ?? absent;
    if (before === absent) {
      spread.domains++;
      before = 0;
    }
    pods[id] = before + change;
    spread.fewest = withDomain(spread.fewest, id, before + change);
  }
}

/** Why the node would make the spread too uneven. */
export function spreadMisfit({ spreads }: SpreadState, node: NodeInfo): Misfit | undefined {
  for (const { constraint, column, matchesSelf, pods, domains, fewest } of spreads) {
    const id = column.ids[node.slot] ?? absent;
    if (id === absent) return 'no label';
    const least = domains < constraint.minDomains ? 0 : fewest[0].pods;
    const skew = Math.max(pods[id] ?? 0, 0) + (matchesSelf ? 1 : 0) - least;
    if (skew > constraint.maxSkew) return 'skew';
  }
  return undefined;
}

function countDomains(
  pod: PodInfo,
  constraint: SpreadConstraint,
  {
    snapshot,
    constraints,
  }: { readonly snapshot: Snapshot; readonly constraints: readonly SpreadConstraint[] },
): Spread {
  const column = snapshot.columns.column(constraint.topologyKey);
  const { perNode } = snapshot.counts.counter(countedPods(constraint, pod.namespace));
  const includes = inclusionTest(constraint, pod.pod);
  const pods = new Int32Array(column.values.length).fill(absent);
  const needsAllKeys = constraints.length > 1;
  let domains = 0;
  for (const info of snapshot.nodes()) {
    const id = column.ids[info.slot] ?? absent;
    if (id === absent) continue;
    if (needsAllKeys && !hasTopologyKeys(info.labels, constraints)) continue;
    if (includes && info.node && !includes(info.node)) continue;
    if (pods[id] === absent) {
      pods[id] = 0;
      domains++;
    }
    pods[id] = (pods[id] ?? 0) + (perNode[info.slot] ?? 0);
  }
  let fewest: Fewest = [noDomain, noDomain];
  for (let id = 0; id < pods.length; id++) {
    const count = pods[id] ?? absent;
    if (count !== absent && count < fewest[1].pods) fewest = withDomain(fewest, id, count);
  }
  const matchesSelf = constraint.selector.matches(pod.labels);
  return { constraint, column, includes, matchesSelf, pods, domains, fewest };
}

/** As upstream's critical paths: only the two fewest are known, which is exact for one change. */
function withDomain([first, second]: Fewest, id: number, pods: number): Fewest {
  const changed = { id, pods };
  if (id === first.id) return second.pods < pods ? [second, changed] : [changed, second];
  if (id === second.id) return first.pods > pods ? [changed, first] : [first, changed];
  if (pods < first.pods) return [changed, first];
  return pods < second.pods ? [first, changed] : [first, second];
}
