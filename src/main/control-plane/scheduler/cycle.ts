import { fitErrorText } from './diagnosis.ts';
import { Equivalences, type EquivalenceClass } from './equivalence.ts';
import { runPreFilters, type PreFilterRun } from './framework.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { skip, type Attempt, type NominatedNode, type Refusals, type Rejection } from './plugin.ts';
import type { Profile } from './profile.ts';
import { scoreNodes, type Scores } from './scoring.ts';
import { NodeSearch, type SearchOptions } from './search.ts';

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

export interface CycleOptions extends SearchOptions {
  readonly random: () => number;
}

const noRefusals: Refusals = { nodes: [], verdicts: [], rest: undefined };

/** The decision part of scheduling: filters, scores, choice and what to do when nothing fits. */
export class SchedulingCycle {
  readonly #options: CycleOptions;
  readonly #equivalences = new Equivalences();
  readonly #search: NodeSearch;

  constructor(options: CycleOptions) {
    this.#options = options;
    this.#search = new NodeSearch(options);
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
    const { feasible, refusals } = this.#search.find(profile, pod, { preFilters, equivalents });
    const [first] = feasible;
    if (!first) return afterRefusal({ ...base, feasible, refusals });
    if (feasible.length === 1) return { ...base, feasible, refusals, node: first };
    const target = { pod, nodes: feasible };
    const scores = scoreNodes(profile, target, { states: preFilters.states, equivalents });
    const node = feasible[chooseBest(scores.totals, random)] ?? first;
    return { ...base, feasible, refusals, scores, node };
  }
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
  let last: Rejection | undefined;
  for (const verdict of refusals.verdicts) {
    if (verdict !== last) plugins.add(verdict.plugin);
    last = verdict;
  }
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
