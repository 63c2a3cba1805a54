import type { Node, NodeAffinity, PreferredSchedulingTerm } from '#shared/api/types/core-v1.ts';
import {
  compileNodeSelector,
  compileNodeSelectorTerm,
  requiredNodeTest,
  type NodeTest,
} from '#shared/kube/node-selection.ts';
import { actions } from '../cluster-events.ts';
import type { PodInfo } from '../pod-info.ts';
import { plugin, refusal, skip, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';
import { normalizeByHighest } from './normalize.ts';

export interface NodeAffinityArgs {
  /** Holds for every pod of the profile besides its own. */
  readonly addedAffinity?: NodeAffinity;
}

type WeightedTest = readonly [weight: number, matches: NodeTest];

const always: NodeTest = () => true;
const mismatch = refusal(
  names.nodeAffinity,
  'UnschedulableAndUnresolvable',
  "node(s) didn't match Pod's node affinity/selector",
);
const enforcedMismatch = refusal(
  names.nodeAffinity,
  'UnschedulableAndUnresolvable',
  "node(s) didn't match scheduler-enforced node affinity",
);
const conflict = refusal(
  names.nodeAffinity,
  'UnschedulableAndUnresolvable',
  'pod affinity terms conflict',
);

/** A pod's nodeSelector and node affinity, required and preferred. */
export const nodeAffinity: PluginFactory<NodeAffinityArgs> = {
  name: names.nodeAffinity,
  create(_context, { addedAffinity }) {
    const addedRequired = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    const enforced = addedRequired && compileNodeSelector(addedRequired);
    const addedPreferred = weightedTests(
      addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution,
    );
    return plugin<NodeTest, readonly WeightedTest[]>({
      name: names.nodeAffinity,
      isNodeLocal: true,
      events: [
        {
          resource: 'Node',
          action: actions.add | actions.updateNodeLabel,
          hint({ pod }, before, after) {
            if (enforced && !enforced(after as Node)) return false;
            const matches = requiredNodeTest(pod.spec) ?? always;
            return matches(after as Node) && (before === undefined || !matches(before as Node));
          },
        },
      ],
      preFilter(info) {
        const matches = requiredNodeTest(info.pod.spec);
        if (!matches && !enforced && !info.pod.spec.nodeSelector) return skip;
        const nodeNames = namedNodes(info);
        if (nodeNames?.size === 0) return conflict;
        return { state: matches ?? always, ...(nodeNames && { nodeNames }) };
      },
      filter(matches, _pod, { node }) {
        if (!node) return mismatch;
        if (enforced && !enforced(node)) return enforcedMismatch;
        return matches(node) ? undefined : mismatch;
      },
      preScore({ pod }) {
        const preferred =
          pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
        if (!preferred && addedPreferred.length === 0) return skip;
        return [...addedPreferred, ...weightedTests(preferred)];
      },
      score(tests, { nodes }, scores) {
        for (const [index, { node }] of nodes.entries()) {
          let sum = 0;
          if (node) for (const [weight, matches] of tests) if (matches(node)) sum += weight;
          scores[index] = sum;
        }
      },
      normalizeScore: (_state, scores) => normalizeByHighest(scores, { reversed: false }),
    });
  },
};

/** The only nodes that can match, where every term names some. */
function namedNodes({ pod }: PodInfo): ReadonlySet<string> | undefined {
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
      ?.nodeSelectorTerms;
  if (!terms?.length) return undefined;
  let all = new Set<string>();
  for (const { matchFields = [] } of terms) {
    let named: Set<string> | undefined;
    for (const { key, operator, values } of matchFields) {
      if (key !== 'metadata.name' || operator !== 'In') continue;
      const these = new Set(values);
      named = named ? named.intersection(these) : these;
    }
    if (!named) return undefined;
    all = all.union(named);
  }
  return all;
}

function weightedTests(terms: readonly PreferredSchedulingTerm[] = []): readonly WeightedTest[] {
  return terms
    .filter(({ weight }) => weight !== 0)
    .map(({ weight, preference }) => [weight, compileNodeSelectorTerm(preference)] as const);
}
