import { pods } from '#shared/api/core/pod.ts';
import type { Pod, PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import type { EventSubject, ReconcileContext } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { New } from '#shared/kube/object.ts';
import type { OwnerReference } from '#shared/kube/types/meta-v1.ts';

type Context = Pick<ReconcileContext, 'cluster' | 'events'>;

/** The pod that a template makes, without a name: upstream's GetPodFromTemplate. */
export function podFromTemplate(
  template: PodTemplateSpec,
  ownerName: string,
  reference: OwnerReference,
): New<Pod> {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    metadata: {
      generateName: `${ownerName}-`,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ownerReferences: [reference],
    },
    ...(template.spec && { spec: template.spec }),
  };
}

/** Creates the pod and says so on its owner. A terminating namespace makes no event. */
export async function createPod(
  { cluster, events }: Context,
  owner: EventSubject,
  pod: New<Pod>,
): Promise<Pod> {
  if (Object.keys(pod.metadata.labels ?? {}).length === 0)
    throw new Error('unable to create pods, no labels');
  try {
    const created = await cluster.create(pods, pod);
    events.record(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
    return created;
  } catch (error) {
    if (!isNamespaceTerminating(error))
      events.record(
        owner,
        'Warning',
        'FailedCreate',
        `Error creating: ${(error as Error).message}`,
      );
    throw error;
  }
}

/** Deletes the pod and says so on its owner; one that is gone already is as good as deleted. */
export async function deletePod(
  { cluster, events }: Context,
  owner: EventSubject,
  { metadata: { namespace, name } }: Pod,
): Promise<void> {
  try {
    await cluster.delete(pods, { namespace, name });
    events.record(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return;
    const { message } = error as Error;
    events.record(owner, 'Warning', 'FailedDelete', `Error deleting: ${message}`);
    throw new Error(`unable to delete pods: ${message}`, { cause: error });
  }
}

export function isNamespaceTerminating(error: unknown): boolean {
  return ApiError.is(error) && error.causes.some(({ type }) => type === 'NamespaceTerminating');
}

/**
 * Calls `act` up to `count` times in growing batches (1, 2, 4, …); the first batch with a failure is
 * the last, so that what always fails is tried once. Throws that batch's first failure; in a
 * namespace that ends every creation fails, and there is nothing to do about it.
 */
export async function slowStart(
  count: number,
  act: (at: number) => Promise<unknown>,
): Promise<number> {
  let done = 0;
  for (let size = Math.min(count, 1); size > 0; size = Math.min(2 * size, count - done)) {
    const from = done;
    const results = await Promise.allSettled(
      Array.from({ length: size }, (_, at) => act(from + at)),
    );
    const failures = results.filter((result) => result.status === 'rejected');
    const failed = failures.find(({ reason }) => !isNamespaceTerminating(reason));
    if (failed) throw failed.reason;
    if (failures.length > 0) return done;
    done += size;
  }
  return done;
}
