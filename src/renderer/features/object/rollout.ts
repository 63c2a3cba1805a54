import type { Deployment, ReplicaSet } from '#shared/api/types/apps-v1.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { keyOf } from '#shared/kube/object.ts';
import { controllerOf } from '#shared/kube/owners.ts';

export interface PodDot {
  /** `namespace/name`. */
  readonly key: string;
  readonly tone: 'good' | 'attention' | 'bad' | 'quiet';
  readonly says: string;
}

export interface RolloutStep {
  readonly key: string;
  readonly revision: number;
  readonly isNew: boolean;
  readonly images: string;
  readonly wanted: number;
  readonly pods: readonly PodDot[];
}

/** The ReplicaSets of a deployment that have pods, and the newest: from old to new. */
export function rolloutOf(
  deployment: Deployment,
  replicaSets: Iterable<ReplicaSet>,
  pods: Iterable<Pod>,
): readonly RolloutStep[] {
  const podsOf = Map.groupBy(pods, ({ metadata }) => controllerOf(metadata)?.uid ?? '');
  const own = [...replicaSets]
    .filter(({ metadata }) => controllerOf(metadata)?.uid === deployment.metadata.uid)
    .toSorted((a, b) => revisionOf(a) - revisionOf(b));
  const newest = own.at(-1);
  return own
    .filter((set) => set === newest || (set.spec.replicas ?? 0) > 0 || podsOf.has(set.metadata.uid))
    .map((set) => ({
      key: keyOf(set.metadata),
      revision: revisionOf(set),
      isNew: set === newest,
      images: (set.spec.template?.spec?.containers ?? []).map(({ image }) => image).join(', '),
      wanted: set.spec.replicas ?? 0,
      pods: (podsOf.get(set.metadata.uid) ?? []).map(dotOf),
    }));
}

function revisionOf({ metadata }: ReplicaSet): number {
  return Number(metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
}

/** One pod as a dot: its state by shape, colour and word. */
export function dotOf({ metadata, spec, status }: Pod): PodDot {
  const key = keyOf(metadata);
  const isReady = status?.conditions?.some(
    ({ type, status: is }) => type === 'Ready' && is === 'True',
  );
  const hurt = status?.containerStatuses?.find(
    ({ state }) => state?.waiting && /BackOff|Err/.test(state.waiting.reason ?? ''),
  );
  if (metadata.deletionTimestamp) return { key, tone: 'quiet', says: `${key} is ending` };
  if (isReady) return { key, tone: 'good', says: `${key} is ready on ${spec.nodeName ?? '–'}` };
  if (hurt) return { key, tone: 'bad', says: `${key}: ${hurt.state?.waiting?.reason ?? ''}` };
  if (status?.phase === 'Failed') return { key, tone: 'bad', says: `${key} has failed` };
  if (status?.phase === 'Succeeded') return { key, tone: 'quiet', says: `${key} has ended well` };
  const where = spec.nodeName ? `not ready on ${spec.nodeName}` : 'without a node';
  return { key, tone: 'attention', says: `${key} is ${where}` };
}
