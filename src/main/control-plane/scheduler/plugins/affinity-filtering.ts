import {
  matchesAllTerms,
  termMatches,
  withNamespaces,
  type AffinityTerm,
  type Labels,
} from '../affinity-terms.ts';
import type { Listers } from '../listers.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodQuestion } from '../pod-counts.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';
import type { TermGroup } from '../term-index.ts';
import type { TopologyColumn } from '../topology.ts';

/** Pods that match the new pod's terms, by the value of one topology key. */
interface Domains {
  readonly term: AffinityTerm;
  readonly column: TopologyColumn;
  readonly pods: Int32Array;
}

export interface AffinityState {
  readonly pod: PodInfo;
  readonly namespaceLabels: Labels | undefined;
  /** Terms of running pods that keep the new pod away, and what preemption would change. */
  readonly avoiding: readonly TermGroup[];
  readonly avoidingChanges: Map<string, number>;
  readonly wanted: readonly Domains[];
  readonly unwanted: readonly Domains[];
  /** Sum over `wanted`: 0 means that nothing to be near to exists anywhere. */
  wantedTotal: number;
}

interface Sources {
  readonly snapshot: Snapshot;
  readonly listers: Listers;
}

/** `undefined` when no term of anybody concerns the pod. */
export function affinityState(
  pod: PodInfo,
  { snapshot, listers }: Sources,
): AffinityState | undefined {
  const namespaceLabels = listers.namespaces.get(pod.namespace)?.metadata.labels;
  const avoiding: TermGroup[] = [];
  for (const group of snapshot.terms.groups('requiredAntiAffinity'))
    if (group.counts.size > 0 && termMatches(group.term, pod, namespaceLabels))
      avoiding.push(group);
  const { requiredAffinity = [], requiredAntiAffinity = [] } = pod.terms ?? {};
  if (avoiding.length + requiredAffinity.length + requiredAntiAffinity.length === 0)
    return undefined;
  const resolve = (term: AffinityTerm): AffinityTerm =>
    withNamespaces(term, listers.namespaces.values());
  const wantedTerms = requiredAffinity.map(resolve);
  const unwantedTerms = requiredAntiAffinity.map(resolve);
  const wanted = domainsOf(wantedTerms, snapshot, () => podsMatching(wantedTerms));
  const unwanted = domainsOf(unwantedTerms, snapshot, (term) => podsMatching([term]));
  return {
    pod,
    namespaceLabels,
    avoiding,
    avoidingChanges: new Map(),
    wanted,
    unwanted,
    wantedTotal: wanted.reduce((total, { pods }) => total + sum(pods), 0),
  };
}

export function cloneAffinityState(state: AffinityState): AffinityState {
  const cloned = (domains: Domains): Domains => ({ ...domains, pods: domains.pods.slice() });
  return {
    ...state,
    avoidingChanges: new Map(state.avoidingChanges),
    wanted: state.wanted.map(cloned),
    unwanted: state.unwanted.map(cloned),
  };
}

/** Counts one pod more or less on a node. */
export function changeAffinity(
  state: AffinityState,
  other: PodInfo,
  { node, change }: { readonly node: NodeInfo; readonly change: 1 | -1 },
): void {
  for (const term of other.terms?.requiredAntiAffinity ?? []) {
    const value = node.labels[term.topologyKey];
    if (value === undefined || !termMatches(term, state.pod, state.namespaceLabels)) continue;
    const key = pairKey(term.topologyKey, value);
    state.avoidingChanges.set(key, (state.avoidingChanges.get(key) ?? 0) + change);
  }
  if (
    matchesAllTerms(
      state.wanted.map(({ term }) => term),
      other,
    )
  ) {
    for (const domains of state.wanted)
      if (changeDomain(domains, node, change)) state.wantedTotal += change;
  }
  for (const domains of state.unwanted)
    if (termMatches(domains.term, other, undefined)) changeDomain(domains, node, change);
}

/** All required affinity terms hold; the first pod of a group that wants itself may start anywhere. */
export function isNearRequired(
  { pod, wanted, wantedTotal }: AffinityState,
  node: NodeInfo,
): boolean {
  let isNear = true;
  for (const { column, pods } of wanted) {
    const id = column.ids[node.slot] ?? -1;
    if (id < 0) return false;
    if ((pods[id] ?? 0) <= 0) isNear = false;
  }
  if (isNear) return true;
  return (
    wantedTotal === 0 &&
    matchesAllTerms(
      wanted.map(({ term }) => term),
      pod,
    )
  );
}

export function isNearUnwanted({ unwanted }: AffinityState, node: NodeInfo): boolean {
  for (const { column, pods } of unwanted) {
    const id = column.ids[node.slot] ?? -1;
    if (id >= 0 && (pods[id] ?? 0) > 0) return true;
  }
  return false;
}

export function isAvoidedByOthers(state: AffinityState, { labels }: NodeInfo): boolean {
  const { avoiding, avoidingChanges } = state;
  if (avoidingChanges.size === 0) {
    for (const { term, counts } of avoiding) {
      const value = labels[term.topologyKey];
      if (value !== undefined && counts.has(value)) return true;
    }
    return false;
  }
  for (const [topologyKey, value] of Object.entries(labels)) {
    let pods = avoidingChanges.get(pairKey(topologyKey, value)) ?? 0;
    for (const { term, counts } of avoiding)
      if (term.topologyKey === topologyKey) pods += counts.get(value) ?? 0;
    if (pods > 0) return true;
  }
  return false;
}

/** Pods in reach of every one of these terms. */
export function podsMatching(terms: readonly AffinityTerm[]): PodQuestion {
  const [first] = terms;
  // A selector of namespaces that matches no labels at all reaches every namespace.
  const isBounded = terms.length === 1 && first && !first.namespaceSelector.matches(undefined);
  return {
    key: `affinity|${terms.map(({ key }) => key).join('|')}`,
    namespaces: isBounded ? first.namespaces : undefined,
    matches: (pod) => terms.every((term) => termMatches(term, pod, undefined)),
  };
}

/** Counts by node summed up by the values of a topology key. */
export function sumByDomain(
  perNode: Int32Array,
  column: TopologyColumn,
  nodes: readonly NodeInfo[],
): Int32Array {
  const pods = new Int32Array(column.values.length);
  for (let index = 0; index < nodes.length; index++) {
    const { slot } = nodes[index]!;
    const count = perNode[slot] ?? 0;
    if (count === 0) continue;
    const id = column.ids[slot] ?? -1;
    if (id >= 0) pods[id] = (pods[id] ?? 0) + count;
  }
  return pods;
}

function domainsOf(
  terms: readonly AffinityTerm[],
  snapshot: Snapshot,
  question: (term: AffinityTerm) => PodQuestion,
): readonly Domains[] {
  return terms.map((term) => {
    const column = snapshot.columns.column(term.topologyKey);
    const { perNode } = snapshot.counts.counter(question(term));
    return { term, column, pods: sumByDomain(perNode, column, snapshot.nodes()) };
  });
}

function changeDomain({ column, pods }: Domains, { slot }: NodeInfo, change: 1 | -1): boolean {
  const id = column.ids[slot] ?? -1;
  if (id < 0) return false;
  pods[id] = (pods[id] ?? 0) + change;
  return true;
}

function pairKey(key: string, value: string): string {
  return `${key}\0${value}`;
}

function sum(numbers: Int32Array): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
