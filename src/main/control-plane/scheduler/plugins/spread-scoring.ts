import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';
import type { TopologyColumn } from '../topology.ts';
import { maxNodeScore } from './normalize.ts';
import {
  countedPods,
  hasTopologyKeys,
  hostnameLabel,
  inclusionTest,
  type SpreadConstraint,
} from './spread-constraints.ts';

const absent = -1;

/** What one constraint adds to a node's score. */
interface Part {
  readonly maxSkew: number;
  readonly weight: number;
  readonly column: TopologyColumn;
  /** Matching pods by value id, or by node for the hostname. */
  readonly pods: Int32Array;
  readonly isPerNode: boolean;
}

export interface SpreadScores {
  readonly parts: readonly Part[];
  /** By place among the nodes to score: 1 for nodes without all topology keys. */
  readonly ignored: Uint8Array;
}

interface Scope {
  readonly snapshot: Snapshot;
  readonly constraints: readonly SpreadConstraint[];
  /** Nodes without one of the keys do not count; the system's own defaults are not so strict. */
  readonly needsAllKeys: boolean;
}

export function spreadScores(pod: PodInfo, nodes: readonly NodeInfo[], scope: Scope): SpreadScores {
  const { constraints, needsAllKeys } = scope;
  const ignored = new Uint8Array(nodes.length);
  let left = nodes.length;
  if (needsAllKeys) {
    for (let index = 0; index < nodes.length; index++) {
      if (hasTopologyKeys(nodes[index]!.labels, constraints)) continue;
      ignored[index] = 1;
      left--;
    }
  }
  const taking = nodes.filter((_node, index) => ignored[index] === 0);
  const parts = constraints.map((constraint): Part => {
    const column = scope.snapshot.columns.column(constraint.topologyKey);
    const { maxSkew } = constraint;
    if (constraint.topologyKey === hostnameLabel) {
      const { perNode } = scope.snapshot.counts.counter(countedPods(constraint, pod.namespace));
      return { maxSkew, weight: weightFor(left), column, pods: perNode, isPerNode: true };
    }
    const { pods, domains } = countDomains(pod, constraint, { taking, column, scope });
    return { maxSkew, weight: weightFor(domains), column, pods, isPerNode: false };
  });
  return { parts, ignored };
}

/** Raw scores: the more matching pods in a node's domains, the higher. */
export function scoreSpread(
  { parts, ignored }: SpreadScores,
  nodes: readonly NodeInfo[],
  scores: Int32Array,
): void {
  for (let index = 0; index < nodes.length; index++) {
    let sum = 0;
    if (ignored[index] === 0) {
      const { slot } = nodes[index]!;
      for (const { column, pods, isPerNode, weight, maxSkew } of parts) {
        const id = column.ids[slot] ?? absent;
        if (id === absent) continue;
        sum += (pods[isPerNode ? slot : id] ?? 0) * weight + (maxSkew - 1);
      }
    }
    scores[index] = Math.round(sum);
  }
}

export function normalizeSpread({ ignored }: SpreadScores, scores: Int32Array): void {
  let least = Number.MAX_SAFE_INTEGER;
  let most = 0;
  for (let index = 0; index < scores.length; index++) {
    if (ignored[index] === 1) continue;
    const score = scores[index] ?? 0;
    if (score < least) least = score;
    if (score > most) most = score;
  }
  for (let index = 0; index < scores.length; index++) {
    if (ignored[index] === 1) scores[index] = 0;
    else if (most === 0) scores[index] = maxNodeScore;
    else scores[index] = Math.trunc((maxNodeScore * (most + least - (scores[index] ?? 0))) / most);
  }
}

/** More domains make each of them weigh more, so that zones are not drowned out by hosts. */
function weightFor(domains: number): number {
  return Math.log(domains + 2);
}

function countDomains(
  pod: PodInfo,
  constraint: SpreadConstraint,
  {
    taking,
    column,
    scope,
  }: {
    readonly taking: readonly NodeInfo[];
    readonly column: TopologyColumn;
    readonly scope: Scope;
  },
): { readonly pods: Int32Array; readonly domains: number } {
  const { snapshot, constraints, needsAllKeys } = scope;
  const pods = new Int32Array(column.values.length).fill(absent);
  let domains = 0;
  let hasUnlabelled = false;
  for (const { slot } of taking) {
    const id = column.ids[slot] ?? absent;
    if (id === absent) hasUnlabelled = true;
    else if (pods[id] === absent) {
      pods[id] = 0;
      domains++;
    }
  }
  // Nodes without the label count as one domain whose value is empty.
  if (hasUnlabelled && pods[column.values.indexOf('')] !== 0) domains++;
  const { perNode } = snapshot.counts.counter(countedPods(constraint, pod.namespace));
  const includes = inclusionTest(constraint, pod.pod);
  for (const info of snapshot.nodes()) {
    const id = column.ids[info.slot] ?? absent;
    if (id === absent || pods[id] === absent) continue;
    if (needsAllKeys && !hasTopologyKeys(info.labels, constraints)) continue;
    if (includes && info.node && !includes(info.node)) continue;
    pods[id] = (pods[id] ?? 0) + (perNode[info.slot] ?? 0);
  }
  return { pods, domains };
}
