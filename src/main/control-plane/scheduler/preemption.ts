import type { PodDisruptionBudget } from '#shared/api/types/policy-v1.ts';
import { selectorOf } from '#shared/kube/selectors.ts';
import { addToNode, cloneFilters, filterWithNominated, removeFromNode } from './framework.ts';
import type { EquivalenceClass } from './equivalence.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { refusal, type ActiveFilter, type Nominations, type Rejection } from './plugin.ts';

/** A node that would take the pod once these pods are gone. */
export interface Candidate {
  readonly node: NodeInfo;
  /** The most important first. */
  readonly victims: readonly PodInfo[];
  /** How many of them a disruption budget would protect. */
  readonly violations: number;
  /** What the choice among candidates compares. */
  readonly cost: {
    readonly highestPriority: number;
    readonly prioritySum: number;
    /** When the longest running of the most important victims started. */
    readonly earliestStart: number;
  };
}

export interface DryRun {
  readonly pod: PodInfo;
  readonly filters: readonly ActiveFilter[];
  readonly equivalents: EquivalenceClass;
  readonly nominations: Nominations;
  readonly budgets: readonly PodDisruptionBudget[];
}

const noVictims = refusal(
  'DefaultPreemption',
  'UnschedulableAndUnresolvable',
  'No preemption victims found for incoming pod',
);

/**
 * Looks from `offset` on for nodes where evicting less important pods helps, until enough are found,
 * at least one of them without breaking a disruption budget.
 */
export function findCandidates(
  run: DryRun,
  nodes: readonly NodeInfo[],
  { offset, enough }: { readonly offset: number; readonly enough: number },
): {
  readonly candidates: readonly Candidate[];
  readonly verdicts: readonly Rejection[];
  readonly refused: readonly NodeInfo[];
} {
  const harmless: Candidate[] = [];
  const violating: Candidate[] = [];
  const verdicts: Rejection[] = [];
  const refused: NodeInfo[] = [];
  const canReuse = dependsOnNodeOnly(run);
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[(offset + index) % nodes.length]!;
    const nominated = run.nominations.on(node.name);
    const found =
      canReuse && !nominated.some(({ uid }) => uid === run.pod.uid)
        ? run.equivalents.victims(node, nominated, () => selectVictims(run, node))
        : selectVictims(run, node);
    if ('code' in found) {
      verdicts.push(found);
      refused.push(node);
      continue;
    }
    (found.violations === 0 ? harmless : violating).push(found);
    if (harmless.length > 0 && harmless.length + violating.length >= enough) break;
  }
  return { candidates: [...harmless, ...violating], verdicts, refused };
}

/** Whether nothing but a node itself decides who would have to leave it. */
function dependsOnNodeOnly({ filters, budgets }: DryRun): boolean {
  return budgets.length === 0 && filters.every(({ plugin }) => plugin.isNodeLocal);
}

/** Removes all less important pods, then lets back as many as still fit, protected ones first. */
export function selectVictims(run: DryRun, original: NodeInfo): Candidate | Rejection {
  const { pod, nominations } = run;
  const potential = original.pods.filter(({ priority }) => priority < pod.priority);
  if (potential.length === 0) return noVictims;
  const node = original.clone();
  const filters = cloneFilters(run.filters);
  for (const other of potential) removeFromNode(filters, other, node);
  const verdict = filterWithNominated(filters, { pod, node }, nominations);
  if (verdict) return verdict;
  potential.sort((a, b) => compareImportance(a, b));
  const [violating, harmless] = splitByBudgets(potential, run.budgets);
  const victims: PodInfo[] = [];
  const reprieve = (other: PodInfo): boolean => {
    addToNode(filters, other, node);
    if (!filterWithNominated(filters, { pod, node }, nominations)) return true;
    removeFromNode(filters, other, node);
    victims.push(other);
    return false;
  };
  let violations = 0;
  for (const other of violating) if (!reprieve(other)) violations++;
  for (const other of harmless) reprieve(other);
  if (victims.length === 0)
    throw new Error(`expected at least one victim pod on node "${original.name}"`);
  if (violating.length > 0 && harmless.length > 0) victims.sort((a, b) => compareImportance(a, b));
  return { node: original, victims, violations, cost: costOf(victims) };
}

/** Upstream's order of preference: each rule only decides among those equal by the rules before. */
export function pickCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  let left = candidates;
  for (const rule of rules) {
    if (left.length <= 1) break;
    let best = -Infinity;
    let equals: Candidate[] = [];
    for (const candidate of left) {
      const value = rule(candidate);
      if (value > best) {
        best = value;
        equals = [candidate];
      } else if (value === best) equals.push(candidate);
    }
    left = equals;
  }
  return left[0];
}

/** Negative when `a` is more important: higher priority, or running for longer. */
function compareImportance(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || startTime(a) - startTime(b);
}

/** A pod that has not started yet counts as starting now, which is later than all others. */
function startTime({ pod }: PodInfo): number {
  const text = pod.status?.startTime;
  return text === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(text);
}

/** Each rule decides among those equal by the rules before; the highest number wins. */
const rules: readonly ((candidate: Candidate) => number)[] = [
  ({ violations }) => -violations,
  ({ cost }) => -cost.highestPriority,
  ({ cost }) => -cost.prioritySum,
  ({ victims }) => -victims.length,
  ({ cost }) => cost.earliestStart,
];

function costOf(victims: readonly PodInfo[]): Candidate['cost'] {
  let prioritySum = 0;
  let highest = -Infinity;
  for (const { priority } of victims) {
    prioritySum += priority + 2 ** 31;
    highest = Math.max(highest, priority);
  }
  let earliestStart = Number.MAX_SAFE_INTEGER;
  for (const victim of victims)
    if (victim.priority === highest) earliestStart = Math.min(earliestStart, startTime(victim));
  return { highestPriority: victims[0]?.priority ?? 0, prioritySum, earliestStart };
}

/** Pods whose eviction a budget forbids, counting down each budget in order of importance. */
function splitByBudgets(
  pods: readonly PodInfo[],
  budgets: readonly PodDisruptionBudget[],
): readonly [violating: readonly PodInfo[], harmless: readonly PodInfo[]] {
  if (budgets.length === 0) return [[], pods];
  const compiled = budgets.map(({ metadata, spec, status }) => ({
    namespace: metadata.namespace ?? '',
    selector: selectorOf(spec?.selector),
    disrupted: status?.disruptedPods ?? {},
    allowed: status?.disruptionsAllowed ?? 0,
  }));
  const violating: PodInfo[] = [];
  const harmless: PodInfo[] = [];
  for (const pod of pods) {
    let isViolated = false;
    if (Object.keys(pod.labels).length > 0) {
      for (const budget of compiled) {
        const { namespace, selector, disrupted } = budget;
        if (namespace !== pod.namespace || selector.isEverything) continue;
        if (!selector.matches(pod.labels) || disrupted[pod.name] !== undefined) continue;
        if (--budget.allowed < 0) isViolated = true;
      }
    }
    (isViolated ? violating : harmless).push(pod);
  }
  return [violating, harmless];
}
