import type { Deployment, ReplicaSet } from '#shared/api/types/apps-v1.ts';
import { longOf } from '../values.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const historyAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';
export const rollbackAnnotation = 'deprecated.deployment.rollback.to';

/** About a hundred revisions. */
const historyLength = 2000;

const notCopied: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  rollbackAnnotation,
]);

type Annotations = Readonly<Record<string, string>>;

/** 0 for an object that has none; any 64-bit number may stand there. */
export function revisionOf({ metadata }: ReplicaSet | Deployment): bigint {
  return longOf(metadata.annotations?.[revisionAnnotation]) ?? 0n;
}

export function byRevision(a: ReplicaSet, b: ReplicaSet): number {
  const [first, second] = [revisionOf(a), revisionOf(b)];
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

/** What says in an old ReplicaSet how large its Deployment was meant to be. */
export function sizeAnnotations(desired: number, surge: number): Annotations {
  return {
    [desiredReplicasAnnotation]: String(desired),
    [maxReplicasAnnotation]: String(desired + surge),
  };
}

/**
 * The annotations of the ReplicaSet with the Deployment's template: the Deployment's own, and its
 * revision, which only grows; revisions it had before are kept as history.
 */
export function newSetAnnotations(
  deployment: Deployment,
  existing: Annotations | undefined,
  revision: bigint,
): Annotations {
  const annotations: Record<string, string> = { ...existing };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {}))
    if (!notCopied.has(key)) annotations[key] = value;
  const text = existing?.[revisionAnnotation];
  const old = longOf(text);
  if (text && old === undefined) return annotations;
  if ((old ?? 0n) >= revision) return annotations;
  annotations[revisionAnnotation] = String(revision);
  if (text !== undefined) {
    const history = withHistory(existing?.[historyAnnotation], text);
    if (history !== undefined) annotations[historyAnnotation] = history;
  }
  return annotations;
}

function withHistory(history: string | undefined, revision: string): string | undefined {
  if (!history) return revision;
  const revisions = history.split(',');
  let length = history.length + revision.length + 1;
  let start = 0;
  while (length > historyLength && start < revisions.length)
    length -= revisions[start++]!.length + 1;
  return length <= historyLength ? [...revisions.slice(start), revision].join(',') : undefined;
}

/** A Deployment's annotations after it was rolled back to this ReplicaSet. */
export function rolledBackAnnotations(deployment: Deployment, set: ReplicaSet): Annotations {
  const own = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) =>
    notCopied.has(key),
  );
  const theirs = Object.entries(set.metadata.annotations ?? {}).filter(
    ([key]) => !notCopied.has(key),
  );
  return Object.fromEntries([...own, ...theirs]);
}
