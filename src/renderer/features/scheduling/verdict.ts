import type { Refusal, SchedulingAttempt } from '#shared/contract/scheduling.ts';
import { podRequests } from '#shared/kube/pod-requests.ts';
import {
  findUntoleratedTaint,
  type TaintParts,
  type TolerationParts,
} from '#shared/kube/tolerations.ts';
import {
  allocatableOf,
  amountText,
  requestsByNode,
  type NodeAmounts,
  type PlacedPod,
} from '#shared/kube/amounts.ts';
import { runnerUp } from './grid.ts';

export interface JudgedPod extends PlacedPod {
  readonly spec: PlacedPod['spec'] & { readonly tolerations?: readonly TolerationParts[] };
}

export interface JudgedNode extends NodeAmounts {
  readonly spec?: { readonly taints?: readonly TaintParts[] };
}

/** The cluster as it is now, to put numbers to the scheduler's reasons. */
export interface Surroundings {
  readonly pod: JudgedPod | undefined;
  readonly nodes: ReadonlyMap<string, JudgedNode>;
  readonly pods: Iterable<PlacedPod>;
}

export interface Verdict {
  readonly isPlaced: boolean;
  readonly headline: string;
  readonly reasons: readonly string[];
  readonly wouldHelp: readonly string[];
}

/** An attempt in sentences: where the pod went, or why nowhere and what would help. */
export function verdictOf(attempt: SchedulingAttempt, surroundings: Surroundings): Verdict {
  if (attempt.result === 'Scheduled') return placed(attempt);
  if (attempt.result === 'SchedulerError')
    return { ...refused, headline: `the scheduler failed: ${attempt.message ?? 'no reason told'}` };
  if (attempt.refusedEverywhere)
    return {
      ...refused,
      headline: 'no node was looked at.',
      reasons: attempt.refusedEverywhere.reasons,
    };
  const groups = byReason(attempt.refused).map(([reason, nodes]) =>
    explain(reason, nodes, surroundings),
  );
  return {
    ...refused,
    headline: `no node of ${nodeCount(attempt)}.`,
    reasons: groups.flatMap(({ says }) => says),
    wouldHelp: [...new Set(groups.flatMap(({ helps }) => helps))],
  };
}

const refused = { isPlaced: false, reasons: [], wouldHelp: [] } as const;

function placed(attempt: SchedulingAttempt): Verdict {
  const second = runnerUp(attempt);
  const total = attempt.totals[attempt.feasible.indexOf(attempt.node ?? '')];
  const alone = attempt.feasible.length === 1 ? ['the only node that fits'] : [];
  return {
    isPlaced: true,
    headline: `${attempt.node ?? ''} of ${nodeCount(attempt)}${total === undefined ? '' : `, with ${total} points`}.`,
    reasons: second === undefined ? alone : [second],
    wouldHelp: [],
  };
}

/** As the scheduler's own message counts them: not every node need have been looked at. */
function nodeCount({ message = '', refused: byNode, feasible }: SchedulingAttempt): number {
  const told = /^0\/(\d+) nodes are available/.exec(message)?.[1];
  return told === undefined ? Object.keys(byNode).length + feasible.length : Number(told);
}

function byReason(
  byNode: Readonly<Record<string, Refusal>>,
): readonly (readonly [string, readonly string[]])[] {
  const groups = new Map<string, string[]>();
  for (const [node, { reasons }] of Object.entries(byNode))
    for (const reason of reasons) {
      const nodes = groups.get(reason);
      if (nodes) nodes.push(node);
      else groups.set(reason, [node]);
    }
  return [...groups].toSorted((a, b) => b[1].length - a[1].length || a[0].localeCompare(b[0]));
}

interface Explanation {
  readonly says: readonly string[];
  readonly helps: readonly string[];
}

function explain(
  reason: string,
  nodes: readonly string[],
  surroundings: Surroundings,
): Explanation {
  const resource = /^Insufficient (.+)$/.exec(reason)?.[1];
  if (resource !== undefined) return shortage(resource, nodes, surroundings);
  if (reason.includes('untolerated taint')) return taints(nodes, surroundings);
  if (reason === 'node(s) were unschedulable')
    return {
      says: [`${nodes.length} cordoned`],
      helps: [`uncordon ${nodes[0]!}`],
    };
  return { says: [`${nodes.length} ${reason.replace(/^node\(s\) /, '')}`], helps: [] };
}

function shortage(
  resource: string,
  nodes: readonly string[],
  { pod, nodes: known, pods }: Surroundings,
): Explanation {
  const lack = `${nodes.length} ${nodes.length === 1 ? 'lacks' : 'lack'} ${resource}`;
  if (!pod) return { says: [lack], helps: [] };
  const asks = podRequests(pod).get(resource) ?? 0;
  const used = requestsByNode(pods);
  const free = nodes
    .flatMap((name) => {
      const node = known.get(name);
      if (!node) return [];
      const all = allocatableOf(node).get(resource) ?? 0;
      return [{ name, amount: all - (used.get(name)?.get(resource) ?? 0), all }];
    })
    .toSorted((a, b) => b.amount - a.amount);
  const text = (amount: number): string => amountText(resource, amount);
  const listed = free.slice(0, 3).map(({ amount }) => text(amount));
  const more = free.length > 3 ? `, ${free.length - 3} with less` : '';
  const candidate = free.find(({ all }) => all >= asks);
  return {
    says: [
      `${lack} (asks ${text(asks)}${listed.length ? `, free ${inWords(listed)}${more}` : ''})`,
    ],
    helps: [
      ...(candidate && candidate.amount < asks
        ? [`free ${text(asks - candidate.amount)} ${resource} on ${candidate.name}`]
        : []),
      `a node with ${text(asks)} ${resource} or more free`,
    ],
  };
}

function taints(nodes: readonly string[], { pod, nodes: known }: Surroundings): Explanation {
  const counts = new Map<string, number>();
  for (const name of nodes) {
    const taint = findUntoleratedTaint(known.get(name)?.spec?.taints, pod?.spec.tolerations);
    const text = taint ? taintText(taint) : '';
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return {
    says: [...counts].map(([text, count]) =>
      text === ''
        ? `${count} had a taint that it does not tolerate`
        : `${count} ${count === 1 ? 'has' : 'have'} taint ${text}`,
    ),
    helps: [...counts.keys()].filter(Boolean).map((text) => `tolerate ${text}`),
  };
}

function taintText({ key, value, effect }: TaintParts): string {
  return `${key}${value ? `=${value}` : ''}:${effect}`;
}

function inWords(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
