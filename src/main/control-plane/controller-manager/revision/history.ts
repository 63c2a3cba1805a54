import { controllerRevisions } from '#shared/api/apps/controller-revision.ts';
import type { ControllerRevision } from '#shared/api/types/apps-v1.ts';
import type { PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import type { ReconcileContext } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject, New } from '#shared/kube/object.ts';
import { controllerReference } from '#shared/kube/owners.ts';
import type { Resource } from '#shared/kube/resource.ts';
import type { Selector } from '#shared/kube/selectors.ts';
import { byCreation, isEqual } from '../values.ts';
import { revisionData, revisionDataHash, revisionDataText, type RevisionData } from './hash.ts';

/** A StatefulSet revision's label that carries the first hash, whatever its name became. */
const revisionHashLabel = 'controller.kubernetes.io/hash';

/** Oldest first. */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  return a.revision - b.revision || byCreation(a, b);
}

/** The owner's revisions and those that it may still adopt, oldest first. */
export function revisionsOf(
  owner: KubeObject,
  selector: Selector,
  { cache }: ReconcileContext,
): ControllerRevision[] {
  const { uid, namespace } = owner.metadata;
  const found: ControllerRevision[] = [];
  for (const from of [
    cache.ownedBy(controllerRevisions, uid),
    cache.orphans(controllerRevisions, namespace!),
  ])
    for (const revision of from)
      if (selector.matches(revision.metadata.labels)) found.push(revision);
  return found.sort(byRevision);
}

export function nextRevision(revisions: readonly ControllerRevision[]): number {
  return (revisions.at(-1)?.revision ?? 0) + 1;
}

/** True if both restore the same template. */
export function isSameRevision(a: ControllerRevision, data: RevisionData): boolean {
  return isEqual(a.data, data);
}

/** The template that a revision restores, if it holds one. */
export function templateOf(
  revision: Pick<ControllerRevision, 'data'>,
): PodTemplateSpec | undefined {
  const data = revision.data as RevisionData | undefined;
  if (!data?.spec?.template) return undefined;
  const { $patch: _, ...template } = data.spec.template;
  return template;
}

export interface Proposal<T extends KubeObject> {
  readonly owner: T;
  readonly ownerKind: Resource<T>;
  readonly template: PodTemplateSpec;
  readonly revision: number;
}

/** Creates the revision under a name of its data's hash; a name that is taken is counted past. */
export async function createRevision<T extends KubeObject>(
  { owner, ownerKind, template, revision }: Proposal<T>,
  collisionCount: number,
  { cluster }: ReconcileContext,
): Promise<{ revision: ControllerRevision; collisionCount: number }> {
  const { name, namespace, annotations } = owner.metadata;
  const data = revisionData(template);
  const text = revisionDataText(template);
  const labels = {
    ...template.metadata?.labels,
    [revisionHashLabel]: revisionDataHash(text, collisionCount),
  };
  for (let count = collisionCount; ; count++) {
    const draft: New<ControllerRevision> & { readonly metadata: { readonly name: string } } = {
      metadata: {
        name: revisionName(name, revisionDataHash(text, count)),
        namespace: namespace!,
        labels,
        ...(annotations && { annotations }),
        ownerReferences: [controllerReference(ownerKind, owner)],
      },
      data,
      revision,
    };
    try {
      const created = await cluster.create(controllerRevisions, draft);
      return { revision: created, collisionCount: count };
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
      const key = { namespace, name: draft.metadata.name };
      const existing = await cluster.get(controllerRevisions, key);
      if (isEqual(existing.data, data)) return { revision: existing, collisionCount: count };
    }
  }
}

export function revisionName(owner: string, hash: string): string {
  return `${owner.slice(0, 223)}-${hash}`;
}

/** Deletes the oldest revisions that nothing lives by, beyond the limit. */
export async function truncateHistory(
  revisions: readonly ControllerRevision[],
  live: ReadonlySet<string>,
  limit: number,
  { cluster }: ReconcileContext,
): Promise<void> {
  const idle = revisions.filter(({ metadata }) => !live.has(metadata.name));
  if (limit < 0) return;
  for (const { metadata } of idle.slice(0, Math.max(0, idle.length - limit)))
    try {
      const { namespace, name } = metadata;
      await cluster.delete(controllerRevisions, { namespace, name });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
}
