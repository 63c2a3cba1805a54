import { actions } from '../cluster-events.ts';
import { fitErrorText } from '../diagnosis.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import {
  plugin,
  refusal,
  type Attempt,
  type PluginContext,
  type PluginFactory,
  type PostFiltered,
  type Refusals,
} from '../plugin.ts';
import { findCandidates, pickCandidate } from '../preemption.ts';
import { names } from './names.ts';

export interface DefaultPreemptionArgs {
  readonly minCandidateNodesPercentage: number;
  readonly minCandidateNodesAbsolute: number;
}

const inProgress = refusal(
  names.defaultPreemption,
  'UnschedulableAndUnresolvable',
  'waiting for the preemption for this pod to be finished',
);
const unhelpful = refusal(
  names.defaultPreemption,
  'UnschedulableAndUnresolvable',
  'Preemption is not helpful for scheduling',
);

/** Makes room for a pod by evicting less important ones, as few and as unimportant as possible. */
export const defaultPreemption: PluginFactory<DefaultPreemptionArgs> = {
  name: names.defaultPreemption,
  create(context, args) {
    const { preemptions } = context;
    return plugin({
      name: names.defaultPreemption,
      events: [
        // The pod's own preemption activates it; the deletion of a victim is other plugins' business.
        { resource: 'Pod', action: actions.delete, hint: () => false },
      ],
      preEnqueue: ({ uid }) => (preemptions.areUnderWayFor(uid) ? inProgress : undefined),
      postFilter(attempt, refusals) {
        const result = preempt(attempt, refusals, { context, args });
        return { ...result, reasons: result.reasons.map((reason) => `preemption: ${reason}`) };
      },
    });
  },
};

interface Means {
  readonly context: PluginContext;
  readonly args: DefaultPreemptionArgs;
}

function preempt(
  { pod, filters, equivalents }: Attempt,
  refusals: Refusals,
  { context, args }: Means,
): PostFiltered {
  const { snapshot, listers, nominations, random } = context;
  const live = listers.pods.get(pod.key);
  if (!live) throw new Error(`pod "${pod.name}" not found`);
  const trouble = ineligible(pod, refusals, context);
  if (trouble) return { isSuccess: false, reasons: [trouble] };
  const nodes = resolvableNodes(refusals, context);
  const budgets = [...listers.podDisruptionBudgets.values()];
  const run = { pod, filters, equivalents, nominations, budgets };
  const { candidates, verdicts, refused } = findCandidates(run, nodes, {
    offset: Math.trunc(random() * nodes.length),
    enough: candidatesWanted(nodes.length, args),
  });
  if (candidates.length === 0) {
    const text = fitErrorText(snapshot.nodes().length, {
      refusals: { nodes: refused, verdicts, rest: unhelpful },
    });
    return { isSuccess: false, reasons: [text], nominated: { nodeName: '' } };
  }
  const best = pickCandidate(candidates);
  if (!best) return { isSuccess: false, reasons: ['no candidate node for preemption'] };
  context.preemptions.start(pod, best);
  const nominated = { nodeName: best.node.name };
  return { isSuccess: true, reasons: [], nominated, victims: best.victims };
}

/** Why the pod may not preempt others now. */
function ineligible(
  pod: PodInfo,
  refusals: Refusals,
  { snapshot }: PluginContext,
): string | undefined {
  if (pod.pod.spec.preemptionPolicy === 'Never')
    return 'not eligible due to preemptionPolicy=Never.';
  const nominated = pod.pod.status?.nominatedNodeName;
  const node = nominated ? snapshot.get(nominated) : undefined;
  if (!node || codeOf(node, refusals) === 'UnschedulableAndUnresolvable') return undefined;
  const isLeaving = node.pods.some(
    (other) => other.priority < pod.priority && isTerminatingByPreemption(other),
  );
  return isLeaving ? 'not eligible due to a terminating pod on the nominated node.' : undefined;
}

function isTerminatingByPreemption({ pod }: PodInfo): boolean {
  if (!pod.metadata.deletionTimestamp) return false;
  const condition = pod.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  return condition?.status === 'True' && condition.reason === 'PreemptionByScheduler';
}

function codeOf(node: NodeInfo, { nodes, verdicts, rest }: Refusals): string | undefined {
  const index = nodes.indexOf(node);
  return (index < 0 ? rest : verdicts[index])?.code;
}

/** Nodes that refuse the pod for a reason that goes away with other pods. */
function resolvableNodes(
  { nodes, verdicts, rest }: Refusals,
  { snapshot }: PluginContext,
): readonly NodeInfo[] {
  const listed: NodeInfo[] = [];
  for (let index = 0; index < nodes.length; index++)
    if (verdicts[index]!.code === 'Unschedulable') listed.push(nodes[index]!);
  if (rest?.code !== 'Unschedulable') return listed;
  const known = new Set(nodes);
  return [...listed, ...snapshot.nodes().filter((node) => !known.has(node))];
}

function candidatesWanted(nodes: number, args: DefaultPreemptionArgs): number {
  const share = Math.trunc((nodes * args.minCandidateNodesPercentage) / 100);
  return Math.min(Math.max(share, args.minCandidateNodesAbsolute), nodes);
}
