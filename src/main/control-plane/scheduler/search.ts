import type { EquivalenceClass } from './equivalence.ts';
import { filterWithNominated, runFilters, type PreFilterRun } from './framework.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import {
  refusal,
  type ActiveFilter,
  type Nominations,
  type Refusals,
  type Rejection,
  type Verdict,
} from './plugin.ts';
import type { Profile } from './profile.ts';
import type { Snapshot } from './snapshot.ts';

export interface SearchOptions {
  readonly snapshot: Snapshot;
  readonly nominations: Nominations;
  /** 0 adapts to the number of nodes. */
  readonly percentageOfNodesToScore: number;
}

export interface Found {
  readonly feasible: readonly NodeInfo[];
  readonly refusals: Refusals;
}

/** The outcome of a search that found nothing, and the state of affairs that it holds for. */
export interface Hopeless {
  readonly order: readonly NodeInfo[];
  readonly generation: number;
  readonly nominations: number;
  readonly refusals: Refusals;
  /** Slot of a node → its place among the refusals. */
  readonly places: Int32Array;
}

interface Question {
  readonly pod: PodInfo;
  readonly filters: readonly ActiveFilter[];
  /** Those that look at the node alone, as far as they come first, and the rest. */
  readonly local: readonly ActiveFilter[];
  readonly others: readonly ActiveFilter[];
  readonly equivalents: EquivalenceClass;
}

const minFeasibleNodes = 100;
const minPercentage = 5;
/** Beyond this many changed nodes a new search is no dearer. */
const manyChanges = 500;
const nobody: readonly PodInfo[] = [];
const nowhere = refusal('', 'UnschedulableAndUnresolvable');

/** Finds nodes that fit a pod, each search beginning where the one before ended. */
export class NodeSearch {
  readonly #options: SearchOptions;
  #start = 0;

  constructor(options: SearchOptions) {
    this.#options = options;
  }

  find(
    profile: Profile,
    pod: PodInfo,
    known: { readonly preFilters: PreFilterRun; readonly equivalents: EquivalenceClass },
  ): Found {
    const { snapshot, nominations } = this.#options;
    const { equivalents, preFilters } = known;
    const { filters, nodeNames, narrowedBy } = preFilters;
    const promised = snapshot.get(pod.pod.status?.nominatedNodeName ?? '');
    if (promised && !filterWithNominated(filters, { pod, node: promised }, nominations))
      return { feasible: [promised], refusals: { nodes: [], verdicts: [], rest: undefined } };
    const question = { pod, filters, equivalents, ...splitFilters(profile, filters) };
    const wanted = (nodes: readonly NodeInfo[]): number => this.#nodesToFind(profile, nodes.length);
    if (nodeNames) {
      const nodes = [...nodeNames].flatMap((name) => snapshot.get(name) ?? []);
      return this.#look(nodes, question, { wanted: wanted(nodes), rest: notNamed(narrowedBy) });
    }
    const nodes = snapshot.nodes();
    const canReuse = question.others.length === 0 && !nominations.has(pod.uid);
    const refreshed = canReuse && this.#refresh(question);
    if (refreshed) return refreshed;
    const found = this.#look(nodes, question, { wanted: wanted(nodes), rest: nowhere });
    if (canReuse && found.feasible.length === 0) this.#remember(question, found.refusals);
    return found;
  }

  /** Asks the filters about one node after the other until enough fit. */
  #look(
    nodes: readonly NodeInfo[],
    { pod, filters, local, others, equivalents }: Question,
    { wanted, rest }: { readonly wanted: number; readonly rest: Rejection },
  ): Found {
    const { nominations, snapshot } = this.#options;
    const feasible: NodeInfo[] = [];
    const refused: NodeInfo[] = [];
    const verdicts: Rejection[] = [];
    const hasNominations = nominations.size > 0;
    const count = nodes.length;
    let node = nodes[0]!;
    const findLocal = (): Verdict => runFilters(local, pod, node);
    const findAll = (): Verdict => filterWithNominated(filters, { pod, node }, nominations);
    let at = count > 0 ? this.#start % count : 0;
    let checked = 0;
    for (; checked < count && feasible.length < wanted; checked++) {
      node = nodes[at]!;
      if (++at === count) at = 0;
      const nominated = hasNominations ? nominations.on(node.name) : nobody;
      let verdict: Verdict;
      if (nominated.length === 0) {
        verdict = equivalents.verdict(node, nobody, findLocal);
        if (!verdict && others.length > 0) verdict = runFilters(others, pod, node);
      } else if (others.length > 0 || nominated.some(({ uid }) => uid === pod.uid)) {
        verdict = findAll();
      } else verdict = equivalents.verdict(node, nominated, findAll);
      if (!verdict) feasible.push(node);
      else {
        refused.push(node);
        verdicts.push(verdict);
      }
    }
    this.#start = (this.#start + checked) % snapshot.nodes().length;
    return { feasible, refusals: { nodes: refused, verdicts, rest } };
  }

  #remember({ equivalents }: Question, refusals: Refusals): void {
    const { nominations, snapshot } = this.#options;
    let highest = 0;
    for (const { slot } of refusals.nodes) highest = Math.max(highest, slot);
    const places = new Int32Array(highest + 1);
    for (const [place, { slot }] of refusals.nodes.entries()) places[slot] = place;
    equivalents.hopeless = {
      order: snapshot.nodes(),
      generation: snapshot.generation,
      nominations: nominations.version,
      refusals,
      places,
    };
  }

  /** A hopeless search brought up to date where nodes have changed since; not when one fits now. */
  #refresh({ pod, filters, equivalents }: Question): Found | undefined {
    const { nominations, snapshot } = this.#options;
    const { hopeless } = equivalents;
    if (hopeless?.order !== snapshot.nodes()) return undefined;
    const changed = this.#changedSince(hopeless);
    if (!changed || changed.size > manyChanges) return undefined;
    let { refusals } = hopeless;
    if (changed.size > 0) {
      const verdicts = refusals.verdicts.slice();
      for (const node of changed) {
        const verdict = equivalents.verdict(node, nominations.on(node.name), () =>
          filterWithNominated(filters, { pod, node }, nominations),
        );
        if (!verdict) return undefined;
        verdicts[hopeless.places[node.slot]!] = verdict;
      }
      refusals = { ...refusals, verdicts };
    }
    const { generation } = snapshot;
    equivalents.hopeless = { ...hopeless, generation, nominations: nominations.version, refusals };
    return { feasible: [], refusals };
  }

  #changedSince({ generation, nominations: version }: Hopeless): ReadonlySet<NodeInfo> | undefined {
    const { nominations, snapshot } = this.#options;
    const nodes = snapshot.changedSince(generation);
    const names = nominations.changedSince(version);
    if (!nodes || !names) return undefined;
    // Places that only pods know of are no nodes.
    const changed = new Set(nodes.filter(({ node }) => node));
    for (const name of names) {
      const node = snapshot.get(name);
      if (node) changed.add(node);
    }
    return changed;
  }

  /** Fewer of many nodes, as upstream: half of them less one per cent for every 125, at least 5 %. */
  #nodesToFind(profile: Profile, nodes: number): number {
    if (nodes < minFeasibleNodes) return nodes;
    let percentage = profile.percentageOfNodesToScore ?? this.#options.percentageOfNodesToScore;
    if (percentage === 0) percentage = Math.max(50 - Math.trunc(nodes / 125), minPercentage);
    return Math.max(Math.trunc((nodes * percentage) / 100), minFeasibleNodes);
  }
}

function splitFilters(
  { localFilters }: Profile,
  filters: readonly ActiveFilter[],
): Pick<Question, 'local' | 'others'> {
  const end = filters.findIndex(({ plugin }) => !localFilters.has(plugin));
  if (end < 0) return { local: filters, others: [] };
  return { local: filters.slice(0, end), others: filters.slice(end) };
}

function notNamed(narrowedBy: readonly string[]): Rejection {
  const plugins = [...narrowedBy].sort().join(' ');
  return refusal(
    narrowedBy[0] ?? '',
    'UnschedulableAndUnresolvable',
    `node(s) didn't satisfy plugin(s) [${plugins}]`,
  );
}
