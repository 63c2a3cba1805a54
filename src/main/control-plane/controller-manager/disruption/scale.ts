import { deployments } from '#shared/api/apps/deployment.ts';
import { replicaSets } from '#shared/api/apps/replica-set.ts';
import { statefulSets } from '#shared/api/apps/stateful-set.ts';
import { replicationControllers } from '#shared/api/core/replication-controller.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Scale } from '#shared/api/types/autoscaling-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { Cache } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { controllerOf, groupOf } from '#shared/kube/owners.ts';
import type { OwnerReference } from '#shared/kube/types/meta-v1.ts';
import type { Kinds } from '../kinds.ts';

interface Found {
  readonly uid: string;
  readonly replicas: number;
}

/** How many pods the controllers of these pods want in sum, and which pods have none. */
export async function expectedScale(
  selected: readonly Pod[],
  from: { readonly cache: Cache; readonly cluster: Cluster; readonly kinds: Kinds },
): Promise<{ expected: number; unmanaged: string[] }> {
  const scales = new Map<string, number>();
  const seen = new Set<string>();
  const unmanaged: string[] = [];
  for (const pod of selected) {
    const reference = controllerOf(pod.metadata);
    if (!reference) {
      unmanaged.push(pod.metadata.name);
      continue;
    }
    if (seen.has(reference.uid)) continue;
    const found = await findScale(reference, pod.metadata.namespace!, from);
    if (!found) throw new Error(`found no controllers for pod "${pod.metadata.name}"`);
    seen.add(reference.uid);
    scales.set(found.uid, found.replicas);
  }
  return { expected: [...scales.values()].reduce((sum, one) => sum + one, 0), unmanaged };
}

async function findScale(
  reference: OwnerReference,
  namespace: string,
  from: { readonly cache: Cache; readonly cluster: Cluster; readonly kinds: Kinds },
): Promise<Found | undefined> {
  const { cache } = from;
  const { kind, name, uid, apiVersion } = reference;
  const group = groupOf(apiVersion);
  const key = keyOf({ namespace, name });
  if (kind === 'ReplicaSet' && group === 'apps') {
    const set = cache.get(replicaSets, key);
    if (set?.metadata.uid !== uid) return undefined;
    const owner = controllerOf(set.metadata);
    if (owner?.kind !== 'Deployment') return { uid, replicas: set.spec.replicas ?? 1 };
    const deployment = cache.get(deployments, keyOf({ namespace, name: owner.name }));
    if (deployment?.metadata.uid !== owner.uid) return undefined;
    return { uid: owner.uid, replicas: deployment.spec.replicas ?? 1 };
  }
  if (kind === 'StatefulSet' && group === 'apps') return found(cache.get(statefulSets, key), uid);
  if (kind === 'ReplicationController' && group === '')
    return found(cache.get(replicationControllers, key), uid);
  return await scaleOf(reference, namespace, from);
}

function found(
  owner: { readonly metadata: { uid: string }; readonly spec: { replicas?: number } } | undefined,
  uid: string,
): Found | undefined {
  return owner?.metadata.uid === uid ? { uid, replicas: owner.spec.replicas ?? 1 } : undefined;
}

/** Any other kind is asked for its scale. */
async function scaleOf(
  { apiVersion, kind, name, uid }: OwnerReference,
  namespace: string,
  { cluster, kinds }: { readonly cluster: Cluster; readonly kinds: Kinds },
): Promise<Found | undefined> {
  const resource = kinds.find(apiVersion, kind);
  if (!resource) return undefined;
  try {
    const request = { verb: 'get', resource, namespace, name, subresource: 'scale' } as const;
    const scale = (await cluster.transport.request(request)) as Scale;
    return scale.metadata.uid === uid ? { uid, replicas: scale.spec.replicas ?? 0 } : undefined;
  } catch (error) {
    if (!ApiError.is(error, 'NotFound', 'MethodNotAllowed')) throw error;
    const qualified = resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
    const implementsScale = resource.subresources?.some((one) => one.name === 'scale') ?? true;
    if (implementsScale) return undefined;
    throw new Error(`${qualified} does not implement the scale subresource`, { cause: error });
  }
}
