import type { Pod } from '#shared/api/types/core-v1.ts';
import { integerOf, timeOf } from '../values.ts';
import { isActive, isReady, readySince } from './pod-state.ts';

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';

interface Ranked {
  readonly pod: Pod;
  readonly isAssigned: boolean;
  readonly phase: number;
  readonly isReady: boolean;
  readonly cost: number;
  readonly doubledUp: number;
  readonly readySince: number;
  readonly restarts: number;
  readonly sidecarRestarts: number;
  readonly createdAt: number;
}

/**
 * The pods whose loss costs least, `count` of them: upstream's ActivePodsWithRanks. `related` are the
 * pods of all sets of the same owner; more of them on one node make each of those cheaper.
 */
export function chooseVictims(
  pods: readonly Pod[],
  related: Iterable<Pod>,
  { count, now }: { readonly count: number; readonly now: number },
): readonly Pod[] {
  if (count >= pods.length) return pods;
  const onNode = new Map<string, number>();
  for (const pod of related)
    if (isActive(pod)) {
      const node = pod.spec.nodeName ?? '';
      onNode.set(node, (onNode.get(node) ?? 0) + 1);
    }
  return pods
    .map((pod) => rank(pod, onNode.get(pod.spec.nodeName ?? '') ?? 0))
    .sort((a, b) => compare(a, b, now))
    .slice(0, count)
    .map(({ pod }) => pod);
}

/** Cheapest to lose first, without regard to nodes or logarithms: upstream's ActivePods. */
export function byCostOfLoss(a: Pod, b: Pod): number {
  const left = rank(a, 0);
  const right = rank(b, 0);
  return (
    compareState(left, right) ||
    (left.isReady && right.isReady ? later(left.readySince, right.readySince) : 0) ||
    compareRestarts(left, right) ||
    later(left.createdAt, right.createdAt)
  );
}

function rank(pod: Pod, doubledUp: number): Ranked {
  const { metadata, spec, status } = pod;
  const sidecars = new Set(
    spec.initContainers?.filter((one) => one.restartPolicy === 'Always').map(({ name }) => name),
  );
  const most = (statuses: Pod['status']['containerStatuses']): number =>
    Math.max(0, ...(statuses ?? []).map(({ restartCount }) => restartCount));
  return {
    pod,
    isAssigned: Boolean(spec.nodeName),
    phase: phaseOrder[status.phase ?? ''] ?? 0,
    isReady: isReady(pod),
    cost: integerOf(metadata.annotations?.[deletionCost]) ?? 0,
    doubledUp,
    readySince: readySince(pod),
    restarts: most(status.containerStatuses),
    sidecarRestarts: most(status.initContainerStatuses?.filter(({ name }) => sidecars.has(name))),
    createdAt: timeOf(metadata.creationTimestamp),
  };
}

function compare(a: Ranked, b: Ranked, now: number): number {
  return (
    compareState(a, b) ||
    a.cost - b.cost ||
    b.doubledUp - a.doubledUp ||
    (a.isReady && b.isReady ? laterByMagnitude([a, a.readySince], [b, b.readySince], now) : 0) ||
    compareRestarts(a, b) ||
    laterByMagnitude([a, a.createdAt], [b, b.createdAt], now)
  );
}

function compareState(a: Ranked, b: Ranked): number {
  return (
    Number(a.isAssigned) - Number(b.isAssigned) ||
    a.phase - b.phase ||
    Number(a.isReady) - Number(b.isReady)
  );
}

function compareRestarts(a: Ranked, b: Ranked): number {
  return b.restarts - a.restarts || b.sidecarRestarts - a.sidecarRestarts;
}

/** The later time first; an unknown one before all. */
function later(a: number, b: number): number {
  if (a === b) return 0;
  if (a === 0 || b === 0) return a === 0 ? -1 : 1;
  return b - a;
}

/** Ages are compared by their power of two, and within one by uid, so that the choice is spread. */
function laterByMagnitude(
  [a, aTime]: [Ranked, number],
  [b, bTime]: [Ranked, number],
  now: number,
): number {
  if (aTime === bTime || aTime === 0 || bTime === 0) return later(aTime, bTime);
  const difference = magnitude(now - aTime) - magnitude(now - bTime);
  if (difference !== 0) return difference;
  return a.pod.metadata.uid < b.pod.metadata.uid ? -1 : 1;
}

function magnitude(ageMs: number): number {
  return ageMs > 0 ? Math.trunc(Math.log2(ageMs * 1e6)) : -1;
}
