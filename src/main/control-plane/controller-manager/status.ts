import type { ReconcileContext } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

/** Writes the status; on a conflict once more onto the object as it is now. */
export async function writeStatus<T extends KubeObject & { readonly status?: unknown }>(
  { cluster }: Pick<ReconcileContext, 'cluster'>,
  resource: Resource<T>,
  object: T,
  status: T['status'],
): Promise<T> {
  try {
    return await cluster.updateStatus(resource, { ...object, status });
  } catch (error) {
    if (!ApiError.is(error, 'Conflict')) throw error;
    const { namespace, name, uid } = object.metadata;
    const fresh = await cluster.get(resource, { namespace, name });
    if (fresh.metadata.uid !== uid) throw error;
    return await cluster.updateStatus(resource, { ...fresh, status });
  }
}
