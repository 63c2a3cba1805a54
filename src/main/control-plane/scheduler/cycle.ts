import { fitErrorText } from './diagnosis.ts';
import { Equivalences, type EquivalenceClass } from './equivalence.ts';
import { filterWithNominated, runFilters, runPreFilters, type PreFilterRun } from './framework.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import {
  refusal,
  skip,
  type ActiveFilter,
  type Attempt,
  type NominatedNode,
  type Nominations,
  type Refusals,
  type Rejection,
} from './plugin.ts';
import type { Profile } from './profile.ts';
import { scoreNodes, type Scores } from './scoring.ts';
import type { Snapshot } from './snapshot.ts';

/** Why an attempt came to nothing. */
export interface Failure {
  readonly reason: 'Unschedulable' | 'SchedulerError';
  readonly message: string;
  /** Plugins that refused; empty when the scheduler itself failed or there are no nodes. */
  readonly plugins: ReadonlySet<string>;
  readonly error?: unknown;
}

/** All that was found out about a pod in one attempt. */
export interface Decision {
  readonly pod: PodInfo;
  readonly profile: Profile;
  /** All nodes there were. */
  readonly nodes: readonly NodeInfo[];
  /** The node to bind to; absent after a failure. */
  readonly node?: NodeInfo;
  readonly feasible: readonly NodeInfo[];
  readonly refusals: Refusals;
  /** The preFilter refusal of all nodes. */
  readonly everywhere?: Rejection;
  /** Absent where there was nothing to choose. */
  readonly scores?: Scores;
  readonly preFilters?: PreFilterRun;
  /** What is known from equal pods. */
  readonly equivalents?: EquivalenceClass;
  readonly failure?: Failure;
  readonly postFilter?: 'Success' | 'Unschedulable' | 'Error';
  readonly nominated?: NominatedNode;
  readonly victims?: readonly PodInfo[];
}

export interface CycleOptions {
  readonly snapshot: Snapshot;
  readonly nominations: Nominations;
  readonly random: () => number;
  /** 0 adapts to the number of nodes. */
  readonly percentageOfNodesToScore: number;
}

const minFeasibleNodes = 100;
const minPercentage = 5;
const noRefusals: Refusals = { nodes: [], verdicts: [], rest: undefined };
const nowhere = refusal('', 'UnschedulableAndUnresolvable');

/** The decision part of scheduling: filters, scores, choice and what to do when nothing fits. */
export class SchedulingCycle {
  readonly #options: CycleOptions;
  readonly #equivalences = new Equivalences();
  /** Where the next search begins, so that all nodes get their turn. */
  #start = 0;

  constructor(options: CycleOptions) {
    this.#options = options;
  }

  /** Runs in one turn; throws nothing. */
  schedule(profile: Profile, pod: PodInfo): Decision {
    try {
      return this.#decide(profile, pod);
    } catch (error) {
      return failed(profile, pod, error);
    }
  }

  #decide(profile: Profile, pod: PodInfo): Decision {
    const { snapshot, random } = this.#options;
    const allNodes = snapshot.nodes();
    if (allNodes.length === 0) return withoutNodes(profile, pod);
    const preFilters = runPreFilters(profile, pod);
    const { rejection } = preFilters;
    const equivalents = this.#equivalences.of(profile, pod);
    const base = { profile, pod, preFilters, equivalents, nodes: allNodes };
    if (rejection) {
      const refusals = { ...noRefusals, rest: rejection };
      return afterRefusal({ ...base, feasible: [], refusals, everywhere: rejection });
    }
    const { feasible, refusals } = this.#search(profile, pod, { preFilters, equivalents });
    const [first] = feasible;
    if (!first) return afterRefusal({ ...base, feasible, refusals });
    if (feasible.length === 1) return { ...base, feasible, refusals, node: first };
    const target = { pod, nodes: feasible };
    const scores = scoreNodes(profile, target, { states: preFilters.states, equivalents });
    const node = feasible[chooseBest(scores.totals, random)] ?? first;
    return { ...base, feasible, refusals, scores, node };
  }

  #search(
    profile: Profile,
    pod: PodInfo,
    known: { readonly preFilters: PreFilterRun; readonly equivalents: EquivalenceClass },
  ): { readonly feasible: readonly NodeInfo[]; readonly refusals: Refusals } {
    const { snapshot, nominations } = this.#options;
    const { preFilters, equivalents } = known;
    const { filters, nodeNames, narrowedBy } = preFilters;
    const nominated = pod.pod.status?.nominatedNodeName;
    const promised = nominated ? snapshot.get(nominated) : undefined;
    if (promised && !filterWithNominated(filters, { pod, node: promised }, nominations))
      return { feasible: [promised], refusals: noRefusals };
    let nodes = snapshot.nodes();
    let rest = nowhere;
    if (nodeNames) {
      nodes = [...nodeNames].flatMap((name) => snapshot.get(name) ?? []);
      const plugins = [...narrowedBy].sort().join(' ');
      rest = refusal(
        narrowedBy[0] ?? '',
        'UnschedulableAndUnresolvable',
        `node(s) didn't satisfy plugin(s) [${plugins}]`,
      );
    }
    const count = nodes.length;
    const isHopeless = equivalents.hopeless?.generation === snapshot.generation;
    const [local, others] = splitFilters(filters);
    const canReuse = nominations.size === 0 && others.length === 0 && !nodeNames;
    if (canReuse && isHopeless && equivalents.hopeless)
      return { feasible: [], refusals: equivalents.hopeless.refusals };
    const wanted = this.#nodesToFind(profile, count);
    const feasible: NodeInfo[] = [];
    const refused: NodeInfo[] = [];
    const verdicts: Rejection[] = [];
    const hasNominations = nominations.size > 0;
    let at = count > 0 ? this.#start % count : 0;
    let checked = 0;
    for (; checked < count && feasible.length < wanted; checked++) {
      const node = nodes[at]!;
      if (++at === count) at = 0;
      const isNominated = hasNominations && nominations.on(node.name).length > 0;
      const verdict = isNominated
        ? filterWithNominated(filters, { pod, node }, nominations)
        : (equivalents.verdict(local, pod, node) ?? runFilters(others, pod, node));
      if (!verdict) feasible.push(node);
      else {
        refused.push(node);
        verdicts.push(verdict);
      }
    }
    this.#start = (this.#start + checked) % snapshot.nodes().length;
    const refusals = { nodes: refused, verdicts, rest };
    if (canReuse && feasible.length === 0)
      equivalents.hopeless = { generation: snapshot.generation, refusals };
    return { feasible, refusals };
  }

  /** Fewer of many nodes, as upstream: half of them less one per cent for every 125, at least 5 %. */
  #nodesToFind(profile: Profile, nodes: number): number {
    if (nodes < minFeasibleNodes) return nodes;
    let percentage = profile.percentageOfNodesToScore ?? this.#options.percentageOfNodesToScore;
    if (percentage === 0) percentage = Math.max(50 - Math.trunc(nodes / 125), minPercentage);
    return Math.max(Math.trunc((nodes * percentage) / 100), minFeasibleNodes);
  }
}

/** Filters that look at the node alone, as far as they come first, and the rest. */
function splitFilters(
  filters: readonly ActiveFilter[],
): readonly [local: readonly ActiveFilter[], others: readonly ActiveFilter[]] {
  const end = filters.findIndex(({ plugin }) => !plugin.isNodeLocal);
  return end < 0 ? [filters, []] : [filters.slice(0, end), filters.slice(end)];
}

/** One of the places with the highest total, each as likely as the other. */
function chooseBest(totals: Int32Array, random: () => number): number {
  let best = 0;
  let highest = -1;
  let equals = 0;
  for (let index = 0; index < totals.length; index++) {
    const total = totals[index]!;
    if (total > highest) {
      highest = total;
      best = index;
      equals = 1;
    } else if (total === highest && random() * ++equals < 1) best = index;
  }
  return best;
}

/** Gives the postFilter plugins their chance and says why the pod fits nowhere. */
function afterRefusal(
  found: Omit<Decision, 'node' | 'failure'> & {
    readonly preFilters: PreFilterRun;
    readonly equivalents: EquivalenceClass;
  },
): Decision {
  const { pod, profile, nodes, refusals, everywhere, preFilters, equivalents } = found;
  const { outcome, nominated, victims, text } = runPostFilters(
    profile,
    { pod, filters: preFilters.filters, states: preFilters.states, equivalents },
    refusals,
  );
  const plugins = new Set<string>(everywhere ? [] : preFilters.narrowedBy);
  if (everywhere) plugins.add(everywhere.plugin);
  for (const { plugin } of refusals.verdicts) plugins.add(plugin);
  const message = fitErrorText(nodes.length, { refusals, everywhere, afterwards: text });
  return {
    ...found,
    failure: { reason: 'Unschedulable', message, plugins },
    postFilter: outcome,
    ...(nominated && { nominated }),
    ...(victims && { victims }),
  };
}

interface PostFilterRun {
  readonly outcome: 'Success' | 'Unschedulable' | 'Error';
  readonly nominated?: NominatedNode;
  readonly victims?: readonly PodInfo[];
  readonly text: string;
}

function runPostFilters(profile: Profile, attempt: Attempt, refusals: Refusals): PostFilterRun {
  const reasons: string[] = [];
  let nominated: NominatedNode | undefined;
  try {
    for (const plugin of profile.postFilter) {
      const result = plugin.postFilter?.(attempt, refusals);
      if (!result) continue;
      if (result.isSuccess) {
        const { nominated, victims } = result;
        return {
          outcome: 'Success',
          text: '',
          ...(nominated && { nominated }),
          ...(victims && { victims }),
        };
      }
      nominated = result.nominated ?? nominated;
      reasons.push(...result.reasons);
      if (result.isFinal) break;
    }
  } catch (error) {
    return { outcome: 'Error', text: error instanceof Error ? error.message : String(error) };
  }
  return { outcome: 'Unschedulable', text: reasons.join(', '), ...(nominated && { nominated }) };
}

function withoutNodes(profile: Profile, pod: PodInfo): Decision {
  return {
    pod,
    profile,
    nodes: [],
    feasible: [],
    refusals: noRefusals,
    failure: {
      reason: 'Unschedulable',
      message: 'no nodes available to schedule pods',
      plugins: new Set(),
    },
    nominated: { nodeName: '' },
  };
}

function failed(profile: Profile, pod: PodInfo, error: unknown): Decision {
  const message = error instanceof Error ? error.message : String(error);
  return {
    pod,
    profile,
    nodes: [],
    feasible: [],
    refusals: noRefusals,
    failure: { reason: 'SchedulerError', message, plugins: new Set(), error },
    nominated: { nodeName: '' },
  };
}

/** A plugin's state of an attempt for the extension points after the choice. */
export function stateOf({ preFilters }: Decision, plugin: string): unknown {
  const state = preFilters?.states.get(plugin);
  return state === skip ? undefined : state;
}
