import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { noLabels } from '../affinity-terms.ts';
import { actions, type EventInterest } from '../cluster-events.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { PodInfo } from '../pod-info.ts';
import { plugin, refusal, skip, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';
import {
  hasTopologyKeys,
  spreadConstraints,
  systemConstraints,
  type PodTopologySpreadArgs,
  type SpreadConstraint,
} from './spread-constraints.ts';
import {
  changeSpread,
  cloneSpreadState,
  spreadMisfit,
  spreadState,
  type SpreadState,
} from './spread-filtering.ts';
import { normalizeSpread, scoreSpread, spreadScores, type SpreadScores } from './spread-scoring.ts';

const skewed = refusal(
  names.podTopologySpread,
  'Unschedulable',
  "node(s) didn't match pod topology spread constraints",
);
const unlabelled = refusal(
  names.podTopologySpread,
  'UnschedulableAndUnresolvable',
  "node(s) didn't match pod topology spread constraints (missing required label)",
);

/** Spreads the pods that a selector means evenly over zones, hosts and whatever else labels name. */
export const podTopologySpread: PluginFactory<PodTopologySpreadArgs> = {
  name: names.podTopologySpread,
  create({ snapshot, listers }, { defaultingType, defaultConstraints = [] }) {
    const isSystem = defaultingType === 'System';
    const defaults = isSystem ? systemConstraints : defaultConstraints;
    const hard = (pod: Pod): readonly SpreadConstraint[] =>
      spreadConstraints(pod, 'DoNotSchedule', { listers, defaults });
    return plugin<SpreadState, SpreadScores>({
      name: names.podTopologySpread,
      events: events(hard),
      preFilter(info) {
        const constraints = hard(info.pod);
        return constraints.length === 0
          ? skip
          : { state: spreadState(info, constraints, snapshot) };
      },
      cloneState: cloneSpreadState,
      addPod: (state, added, node) => changeSpread(state, added, { node, change: 1 }),
      removePod: (state, removed, node) => changeSpread(state, removed, { node, change: -1 }),
      filter(state, _pod, node) {
        const misfit = spreadMisfit(state, node);
        if (!misfit) return undefined;
        return misfit === 'skew' ? skewed : unlabelled;
      },
      preScore(info, nodes) {
        const { pod } = info;
        const constraints = spreadConstraints(pod, 'ScheduleAnyway', { listers, defaults });
        if (constraints.length === 0) return skip;
        const isOwn = Boolean(pod.spec.topologySpreadConstraints?.length);
        return spreadScores(info, nodes, {
          snapshot,
          constraints,
          needsAllKeys: isOwn || !isSystem,
        });
      },
      score: (state, { nodes }, scores) => scoreSpread(state, nodes, scores),
      normalizeScore: normalizeSpread,
    });
  },
};

function events(hard: (pod: Pod) => readonly SpreadConstraint[]): readonly EventInterest[] {
  return [
    {
      resource: 'Pod',
      action: actions.add | actions.updatePodLabel | actions.updatePodToleration | actions.delete,
      hint: (pod, before, after) =>
        isCuredByPod(pod, { before, after } as PodChange, hard(pod.pod)),
    },
    {
      resource: 'Node',
      action: actions.add | actions.delete | actions.updateNodeLabel | actions.updateNodeTaint,
      hint: (pod, before, after) =>
        isCuredByNode(hard(pod.pod), before as Node | undefined, after as Node | undefined),
    },
  ];
}

interface PodChange {
  readonly before: Pod | undefined;
  readonly after: Pod | undefined;
}

function isCuredByPod(
  pod: PodInfo,
  { before, after }: PodChange,
  constraints: readonly SpreadConstraint[],
): boolean {
  if ((after && !isInvolved(after, pod)) || (before && !isInvolved(before, pod))) return false;
  const labelsOf = ({ metadata }: Pod) => metadata.labels ?? noLabels;
  const matches = (other: Pod): boolean =>
    constraints.some(({ selector }) => selector.matches(labelsOf(other)));
  if (before && after) {
    if (
      pod.uid === after.metadata.uid &&
      !semanticEqual(after.spec.tolerations ?? [], before.spec.tolerations ?? []) &&
      constraints.some(({ honorsTaints }) => honorsTaints)
    )
      return true;
    return constraints.some(
      ({ selector }) => selector.matches(labelsOf(before)) !== selector.matches(labelsOf(after)),
    );
  }
  const other = after ?? before;
  return other !== undefined && matches(other);
}

function isInvolved({ metadata, spec, status }: Pod, pod: PodInfo): boolean {
  if (metadata.uid === pod.uid) return true;
  if (!spec.nodeName && !status?.nominatedNodeName) return false;
  return metadata.namespace === pod.namespace;
}

function isCuredByNode(
  constraints: readonly SpreadConstraint[],
  before: Node | undefined,
  after: Node | undefined,
): boolean {
  const hasKeys = (node: Node): boolean =>
    hasTopologyKeys(node.metadata.labels ?? noLabels, constraints);
  if (!before || !after) {
    const node = after ?? before;
    return node !== undefined && hasKeys(node);
  }
  if (hasKeys(before) !== hasKeys(after)) return true;
  if (!hasKeys(after)) return false;
  return (
    constraints.some(
      ({ topologyKey: key }) => before.metadata.labels?.[key] !== after.metadata.labels?.[key],
    ) || !semanticEqual(before.spec?.taints ?? [], after.spec?.taints ?? [])
  );
}
