import type { Deployment, ReplicaSet } from '#shared/api/types/apps-v1.ts';
import type { PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import { templateText } from '../revision/hash.ts';
import { byCreation, integerOf, scaledValue } from '../values.ts';
import { byRevision, maxReplicasAnnotation } from './annotations.ts';

/** A pod template's label that tells ReplicaSets of one Deployment apart. */
export const hashLabel = 'pod-template-hash';

const maxInt32 = 2 ** 31 - 1;

export const desired = ({ spec }: Deployment | ReplicaSet): number => spec.replicas ?? 1;

export function isRolling({ spec }: Deployment): boolean {
  return spec.strategy.type === 'RollingUpdate';
}

/** How many pods may be more, and how many fewer, than asked for: ResolveFenceposts. */
export function fenceposts(deployment: Deployment): { surge: number; unavailable: number } {
  if (!isRolling(deployment)) return { surge: 0, unavailable: 0 };
  const { maxSurge, maxUnavailable } = deployment.spec.strategy.rollingUpdate ?? {};
  const total = desired(deployment);
  const surge = scaledValue(maxSurge, total, 'up');
  const unavailable = scaledValue(maxUnavailable, total, 'down');
  // Both may round to nothing; a surge might not work for quota, so one pod may be missing.
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

export const maxSurge = (deployment: Deployment): number => fenceposts(deployment).surge;

export function maxUnavailable(deployment: Deployment): number {
  if (desired(deployment) === 0) return 0;
  return Math.min(fenceposts(deployment).unavailable, desired(deployment));
}

export function hasProgressDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== maxInt32;
}

export function historyLimit({ spec }: Deployment): number | undefined {
  return spec.revisionHistoryLimit === maxInt32 ? undefined : spec.revisionHistoryLimit;
}

const withoutHash = new WeakMap<PodTemplateSpec, string>();

/** True if the templates mean the same but for the hash label: EqualIgnoreHash. */
export function isSameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return textWithoutHash(a) === textWithoutHash(b);
}

function textWithoutHash(template: PodTemplateSpec): string {
  let text = withoutHash.get(template);
  if (text === undefined) {
    const { [hashLabel]: _, ...labels } = template.metadata?.labels ?? {};
    text = templateText({ ...template, metadata: { ...template.metadata, labels } });
    withoutHash.set(template, text);
  }
  return text;
}

/** The ReplicaSet that has the Deployment's template; the oldest if several have. */
export function findNew(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
): ReplicaSet | undefined {
  return [...sets]
    .sort(byCreation)
    .find(({ spec }) => spec.template && isSameTemplate(spec.template, deployment.spec.template));
}

export function total(sets: readonly (ReplicaSet | undefined)[]): number {
  return sets.reduce((sum, set) => sum + (set ? desired(set) : 0), 0);
}

export function sumOf(
  sets: readonly (ReplicaSet | undefined)[],
  field: 'replicas' | 'readyReplicas' | 'availableReplicas',
): number {
  return sets.reduce((sum, set) => sum + (set?.status?.[field] ?? 0), 0);
}

export function isActiveSet(set: ReplicaSet | undefined): set is ReplicaSet {
  return set !== undefined && desired(set) > 0;
}

/** How large the new ReplicaSet may be now: NewRSNewReplicas. */
export function newSetSize(
  deployment: Deployment,
  all: readonly (ReplicaSet | undefined)[],
  current: number,
): number {
  if (!isRolling(deployment)) return desired(deployment);
  const { maxSurge: surge } = deployment.spec.strategy.rollingUpdate ?? {};
  const allowed = desired(deployment) + scaledValue(surge, desired(deployment), 'up');
  const existing = total(all);
  if (existing >= allowed) return current;
  return current + Math.min(allowed - existing, desired(deployment) - current);
}

/** The one ReplicaSet that has pods, or the newest when none has; `undefined` when several have. */
export function findActiveOrLatest(
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): ReplicaSet | undefined {
  const active = [...old, newSet].filter(isActiveSet);
  if (active.length > 1) return undefined;
  return active[0] ?? newSet ?? [...old].sort(byCreation).at(-1);
}

export interface Resize {
  readonly set: ReplicaSet;
  readonly replicas: number;
}

/** Spreads a change of size over all ReplicaSets in proportion to theirs. */
export function proportionalSizes(
  deployment: Deployment,
  active: readonly ReplicaSet[],
): readonly Resize[] {
  const allowed = desired(deployment) > 0 ? desired(deployment) + maxSurge(deployment) : 0;
  const toAdd = allowed - total(active);
  const direction = toAdd > 0 ? -1 : 1;
  const ordered =
    toAdd === 0
      ? active
      : [...active].sort((a, b) => desired(b) - desired(a) || direction * byCreation(a, b));
  let added = 0;
  const sizes = ordered.map((set) => {
    const share = toAdd === 0 ? 0 : proportion(deployment, set, { toAdd, added });
    added += share;
    return desired(set) + share;
  });
  return ordered.map((set, at) => {
    const size = at === 0 && toAdd !== 0 ? Math.max(0, sizes[0]! + toAdd - added) : sizes[at]!;
    return { set, replicas: size };
  });
}

function proportion(
  deployment: Deployment,
  set: ReplicaSet,
  { toAdd, added }: { toAdd: number; added: number },
): number {
  if (desired(set) === 0 || toAdd === added) return 0;
  const fraction = fractionOf(deployment, set);
  const allowed = toAdd - added;
  return toAdd > 0 ? Math.min(fraction, allowed) : Math.max(fraction, allowed);
}

function fractionOf(deployment: Deployment, set: ReplicaSet): number {
  if (desired(deployment) === 0) return -desired(set);
  const after = desired(deployment) + maxSurge(deployment);
  const annotated = integerOf(set.metadata.annotations?.[maxReplicasAnnotation]);
  const before =
    annotated && annotated > 0 && annotated <= maxInt32
      ? annotated
      : (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return roundHalfAway((desired(set) * after) / before) - desired(set);
}

/** Halves go away from zero, as integer.RoundToInt32. */
function roundHalfAway(value: number): number {
  return value < 0 ? Math.ceil(value - 0.5) : Math.floor(value + 0.5);
}

/** How far old ReplicaSets can shrink now without too little being available, in this order. */
export function oldSetSizes(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  newSet: ReplicaSet,
): readonly Resize[] {
  if (total(old) === 0) return [];
  const minAvailable = desired(deployment) - maxUnavailable(deployment);
  const newUnavailable = desired(newSet) - (newSet.status?.availableReplicas ?? 0);
  const most = total([...old, newSet]) - minAvailable - newUnavailable;
  if (most <= 0) return [];
  const resizes: Resize[] = [];
  const ordered = [...old].sort(byCreation);
  const sizes = new Map<ReplicaSet, number>();
  let removed = 0;
  for (const set of ordered) {
    const unhealthy = desired(set) - (set.status?.availableReplicas ?? 0);
    const count = Math.min(most - removed, unhealthy);
    const size = desired(set) - (desired(set) === 0 ? 0 : Math.max(0, count));
    removed += desired(set) - size;
    sizes.set(set, size);
    if (size !== desired(set)) resizes.push({ set, replicas: size });
  }
  // What is available beyond the minimum may go too.
  let spare = sumOf([...old, newSet], 'availableReplicas') - minAvailable;
  for (const set of ordered) {
    if (spare <= 0) break;
    const size = sizes.get(set)!;
    const count = Math.min(size, spare);
    if (count === 0) continue;
    spare -= count;
    resizes.push({ set, replicas: size - count });
  }
  return resizes;
}

/** Old ReplicaSets beyond the history limit that nobody needs any more. */
export function expendable(
  deployment: Deployment,
  old: readonly ReplicaSet[],
): readonly ReplicaSet[] {
  const limit = historyLimit(deployment);
  if (limit === undefined) return [];
  const alive = old.filter(({ metadata }) => !metadata.deletionTimestamp);
  return alive
    .sort((a, b) => byRevision(a, b) || byCreation(a, b))
    .slice(0, Math.max(0, alive.length - limit))
    .filter(
      (set) =>
        (set.status?.replicas ?? 0) === 0 &&
        desired(set) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    );
}
