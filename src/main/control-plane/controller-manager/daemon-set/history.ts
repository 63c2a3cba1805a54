import { controllerRevisions } from '#shared/api/apps/controller-revision.ts';
import { daemonSets } from '#shared/api/apps/daemon-set.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { ControllerRevision, DaemonSet } from '#shared/api/types/apps-v1.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { ReconcileContext } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { controllerReference } from '#shared/kube/owners.ts';
import { claim, compiledSelector } from '../pods/claim.ts';
import { podTemplateHash, revisionData } from '../revision/hash.ts';
import { isSameRevision } from '../revision/history.ts';
import { hashLabel } from './plan.ts';

export interface History {
  readonly current: ControllerRevision;
  readonly old: readonly ControllerRevision[];
}

/** The revision that the set's template is, made or made the newest where needed, and the others. */
export async function syncHistory(
  set: DaemonSet,
  daemons: readonly Pod[],
  context: ReconcileContext,
): Promise<History> {
  const { cluster } = context;
  const selector = compiledSelector(set.spec.selector);
  const claimed = await claim(
    { owner: set, ownerKind: daemonSets, selector, of: controllerRevisions },
    context,
  );
  const data = revisionData(set.spec.template);
  const same: ControllerRevision[] = [];
  const old: ControllerRevision[] = [];
  for (const revision of claimed) {
    const labelled = await withHashLabel(revision, context);
    if (isSameRevision(labelled, data)) same.push(labelled);
    else old.push(labelled);
  }
  const newest = Math.max(0, ...old.map(({ revision }) => revision)) + 1;
  if (same.length === 0) return { current: await snapshot(set, newest, context), old };
  const kept = await withoutDuplicates(same, daemons, context);
  if (kept.revision >= newest) return { current: kept, old };
  const current = await cluster.update(controllerRevisions, { ...kept, revision: newest });
  return { current, old };
}

async function withHashLabel(
  revision: ControllerRevision,
  { cluster }: ReconcileContext,
): Promise<ControllerRevision> {
  const { labels, name } = revision.metadata;
  if (labels?.[hashLabel] !== undefined) return revision;
  const metadata = { ...revision.metadata, labels: { ...labels, [hashLabel]: name } };
  return await cluster.update(controllerRevisions, { ...revision, metadata });
}

/** Of several revisions with the same data the newest stays, and pods move to it. */
async function withoutDuplicates(
  same: readonly ControllerRevision[],
  daemons: readonly Pod[],
  { cluster }: ReconcileContext,
): Promise<ControllerRevision> {
  const kept = same.reduce((best, one) => (one.revision >= best.revision ? one : best));
  if (same.length === 1) return kept;
  const hash = kept.metadata.labels?.[hashLabel];
  for (const { metadata } of daemons)
    if (metadata.labels?.[hashLabel] !== hash) {
      const { namespace, name } = metadata;
      const body = { metadata: { labels: { [hashLabel]: hash } } };
      await cluster.patch(pods, { namespace, name }, { type: 'merge', body });
    }
  for (const one of same)
    if (one !== kept) {
      const { namespace, name } = one.metadata;
      await cluster.delete(controllerRevisions, { namespace, name });
    }
  return kept;
}

async function snapshot(
  set: DaemonSet,
  revision: number,
  { cluster }: ReconcileContext,
): Promise<ControllerRevision> {
  const { template } = set.spec;
  const { annotations, namespace } = set.metadata;
  const hash = podTemplateHash(template, set.status.collisionCount);
  const name = `${set.metadata.name}-${hash}`;
  const data = revisionData(template);
  try {
    return await cluster.create(controllerRevisions, {
      metadata: {
        name,
        namespace: namespace!,
        labels: { ...template.metadata?.labels, [hashLabel]: hash },
        ...(annotations && { annotations }),
        ownerReferences: [controllerReference(daemonSets, set)],
      },
      data,
      revision,
    });
  } catch (error) {
    if (!ApiError.is(error, 'AlreadyExists')) throw error;
    const existing = await cluster.get(controllerRevisions, { namespace, name });
    if (isSameRevision(existing, data)) return existing;
    const fresh = await cluster.get(daemonSets, { namespace, name: set.metadata.name });
    const counted = fresh.status.collisionCount;
    if (counted !== set.status.collisionCount)
      throw new Error(
        `found a stale collision count (${set.status.collisionCount}, expected ${counted}) of DaemonSet "${set.metadata.name}" while processing; will retry until it is updated`,
        { cause: error },
      );
    const status = { ...fresh.status, collisionCount: (counted ?? 0) + 1 };
    await cluster.updateStatus(daemonSets, { ...fresh, status });
    throw error;
  }
}

/** Deletes the oldest revisions beyond the limit that no pod is of. */
export async function truncate(
  set: DaemonSet,
  { old }: History,
  daemons: readonly Pod[],
  { cluster }: ReconcileContext,
): Promise<void> {
  let surplus = old.length - (set.spec.revisionHistoryLimit ?? 10);
  if (surplus <= 0) return;
  const live = new Set(daemons.map(({ metadata }) => metadata.labels?.[hashLabel]));
  for (const { metadata } of [...old].sort((a, b) => a.revision - b.revision)) {
    if (surplus <= 0) return;
    if (live.has(metadata.labels?.[hashLabel])) continue;
    const { namespace, name } = metadata;
    await cluster.delete(controllerRevisions, { namespace, name });
    surplus--;
  }
}
