import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import {
  affinityTermsOf,
  matchesAllTerms,
  type AffinityTerm,
  type AffinityTerms,
} from '../affinity-terms.ts';
import { actions, type EventInterest } from '../cluster-events.ts';
import { PodInfo } from '../pod-info.ts';
import { plugin, refusal, skip, type PluginFactory } from '../plugin.ts';
import {
  affinityState,
  changeAffinity,
  cloneAffinityState,
  isAvoidedByOthers,
  isNearRequired,
  isNearUnwanted,
  type AffinityState,
} from './affinity-filtering.ts';
import {
  affinityScores,
  normalizeAffinity,
  scoreAffinity,
  type AffinityScores,
} from './affinity-scoring.ts';
import { names } from './names.ts';

export interface InterPodAffinityArgs {
  /** What a running pod's required affinity to the new pod counts as a preference. */
  readonly hardPodAffinityWeight: number;
  readonly ignorePreferredTermsOfExistingPods?: boolean;
}

const notNear = refusal(
  names.interPodAffinity,
  'UnschedulableAndUnresolvable',
  "node(s) didn't match pod affinity rules",
);
const tooNear = refusal(
  names.interPodAffinity,
  'Unschedulable',
  "node(s) didn't match pod anti-affinity rules",
);
const avoided = refusal(
  names.interPodAffinity,
  'Unschedulable',
  "node(s) didn't satisfy existing pods anti-affinity rules",
);

/** Affinity and anti-affinity between pods, of the new pod and of those that run already. */
export const interPodAffinity: PluginFactory<InterPodAffinityArgs> = {
  name: names.interPodAffinity,
  create({ snapshot, listers }, args) {
    return plugin<AffinityState, AffinityScores>({
      name: names.interPodAffinity,
      events,
      preFilter(pod) {
        const state = affinityState(pod, { snapshot, listers });
        return state ? { state } : skip;
      },
      cloneState: cloneAffinityState,
      addPod: (state, added, node) => changeAffinity(state, added, { node, change: 1 }),
      removePod: (state, removed, node) => changeAffinity(state, removed, { node, change: -1 }),
      filter(state, _pod, node) {
        if (!isNearRequired(state, node)) return notNear;
        if (isNearUnwanted(state, node)) return tooNear;
        return isAvoidedByOthers(state, node) ? avoided : undefined;
      },
      preScore: (pod) => affinityScores(pod, { snapshot, listers, args }) ?? skip,
      score: (state, { nodes }, scores) => scoreAffinity(state, nodes, scores),
      normalizeScore: (_state, scores) => normalizeAffinity(scores),
    });
  },
};

const events: readonly EventInterest[] = [
  {
    resource: 'Pod',
    action: actions.add | actions.updatePodLabel | actions.delete,
    hint: (pod, before, after) =>
      isCuredByPod(pod, before as Pod | undefined, after as Pod | undefined),
  },
  {
    resource: 'Node',
    action: actions.add | actions.updateNodeLabel,
    hint: ({ terms }, before, after) =>
      terms !== undefined && isCuredByNode(terms, before as Node | undefined, after as Node),
  },
];

const isPlaced = ({ spec, status }: Pod): boolean =>
  Boolean(spec.nodeName || status?.nominatedNodeName);

function isCuredByPod(pod: PodInfo, before: Pod | undefined, after: Pod | undefined): boolean {
  if (before && after && after.metadata.uid === pod.uid) return true;
  if ((after && !isPlaced(after)) || (before && !isPlaced(before))) return false;
  const wanted = pod.terms?.requiredAffinity ?? [];
  const unwanted = pod.terms?.requiredAntiAffinity ?? [];
  const matches = (terms: readonly AffinityTerm[], { metadata }: Pod): boolean =>
    matchesAllTerms(terms, {
      namespace: metadata.namespace ?? '',
      labels: metadata.labels ?? {},
    });
  if (before && after) {
    return (
      (!matches(wanted, before) && matches(wanted, after)) ||
      (matches(unwanted, before) && !matches(unwanted, after))
    );
  }
  if (after) return matches(wanted, after);
  if (!before) return false;
  if (matches(unwanted, before)) return true;
  return matchesAllTerms(affinityTermsOf(before)?.requiredAntiAffinity ?? [], pod);
}

function isCuredByNode(terms: AffinityTerms, before: Node | undefined, after: Node): boolean {
  const valueOf = (node: Node | undefined, { topologyKey }: AffinityTerm): string | undefined =>
    node?.metadata.labels?.[topologyKey];
  for (const term of terms.requiredAffinity) {
    const value = valueOf(after, term);
    if (value !== undefined && value !== valueOf(before, term)) return true;
  }
  if (!before) return terms.requiredAntiAffinity.length > 0;
  return terms.requiredAntiAffinity.some((term) => {
    const value = valueOf(before, term);
    return value !== undefined && value !== valueOf(after, term);
  });
}
