import {
  noLabels,
  termMatches,
  withNamespaces,
  type AffinityTerm,
  type TermKind,
} from '../affinity-terms.ts';
import type { Listers } from '../listers.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';
import type { TopologyColumn } from '../topology.ts';
import { podsMatching, sumByDomain } from './affinity-filtering.ts';
import type { InterPodAffinityArgs } from './inter-pod-affinity.ts';
import { maxNodeScore } from './normalize.ts';

/** The new pod's own preference: what each pod in a node's domain is worth. */
interface OwnPart {
  readonly column: TopologyColumn;
  readonly pods: Int32Array;
  readonly weight: number;
}

/** What running pods with the same term make a node's domain worth to the new pod. */
interface OthersPart {
  readonly topologyKey: string;
  readonly counts: ReadonlyMap<string, number>;
  readonly weight: number;
}

export interface AffinityScores {
  readonly own: readonly OwnPart[];
  readonly others: readonly OthersPart[];
}

interface Sources {
  readonly snapshot: Snapshot;
  readonly listers: Listers;
  readonly args: InterPodAffinityArgs;
}

/** `undefined` when nobody prefers anything about the pod. */
export function affinityScores(pod: PodInfo, sources: Sources): AffinityScores | undefined {
  const { preferredAffinity = [], preferredAntiAffinity = [] } = pod.terms ?? {};
  const hasOwn = preferredAffinity.length + preferredAntiAffinity.length > 0;
  if (!hasOwn && sources.args.ignorePreferredTermsOfExistingPods) return undefined;
  const own = [
    ...ownParts(preferredAffinity, 1, sources),
    ...ownParts(preferredAntiAffinity, -1, sources),
  ];
  const others = othersParts(pod, sources);
  return own.length + others.length > 0 ? { own, others } : undefined;
}

export function scoreAffinity(
  { own, others }: AffinityScores,
  nodes: readonly NodeInfo[],
  scores: Int32Array,
): void {
  for (let index = 0; index < nodes.length; index++) {
    const { slot, labels } = nodes[index]!;
    let sum = 0;
    for (const { column, pods, weight } of own) {
      const id = column.ids[slot] ?? -1;
      if (id >= 0) sum += (pods[id] ?? 0) * weight;
    }
    for (const { topologyKey, counts, weight } of others) {
      const value = labels[topologyKey];
      if (value !== undefined) sum += (counts.get(value) ?? 0) * weight;
    }
    scores[index] = sum;
  }
}

/** The best node gets 100, the worst 0. */
export function normalizeAffinity(scores: Int32Array): void {
  let least = Infinity;
  let most = -Infinity;
  for (const score of scores) {
    if (score < least) least = score;
    if (score > most) most = score;
  }
  const range = most - least;
  for (let index = 0; index < scores.length; index++) {
    scores[index] =
      range > 0 ? Math.trunc(maxNodeScore * (((scores[index] ?? 0) - least) / range)) : 0;
  }
}

function ownParts(
  terms: readonly AffinityTerm[],
  sign: 1 | -1,
  { snapshot, listers }: Sources,
): readonly OwnPart[] {
  return terms.flatMap((term): OwnPart[] => {
    const resolved = withNamespaces(term, listers.namespaces.values());
    const column = snapshot.columns.column(term.topologyKey);
    const { perNode } = snapshot.counts.counter(podsMatching([resolved]));
    const pods = sumByDomain(perNode, column, snapshot.nodes());
    return pods.some((count) => count > 0) ? [{ column, pods, weight: sign * term.weight }] : [];
  });
}

function othersParts(pod: PodInfo, { snapshot, listers, args }: Sources): readonly OthersPart[] {
  const namespaceLabels = listers.namespaces.get(pod.namespace)?.metadata.labels ?? noLabels;
  const parts: OthersPart[] = [];
  const collect = (kind: TermKind, weightOf: (term: AffinityTerm) => number): void => {
    for (const { term, counts } of snapshot.terms.groups(kind)) {
      if (counts.size === 0 || !termMatches(term, pod, namespaceLabels)) continue;
      parts.push({ topologyKey: term.topologyKey, counts, weight: weightOf(term) });
    }
  };
  if (args.hardPodAffinityWeight > 0) collect('requiredAffinity', () => args.hardPodAffinityWeight);
  collect('preferredAffinity', ({ weight }) => weight);
  collect('preferredAntiAffinity', ({ weight }) => -weight);
  return parts;
}
