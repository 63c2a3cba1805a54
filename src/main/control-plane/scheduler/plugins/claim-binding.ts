import { resourceClaims } from '#shared/api/resource/resource-claim.ts';
import type { AllocationResult, ResourceClaim } from '#shared/api/types/resource-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { PodInfo } from '../pod-info.ts';
import { isReservedFor } from './pod-claims.ts';

const finalizer = 'resource.kubernetes.io/delete-protection';
const attempts = 5;

/** Writes the devices chosen for a claim, if any, and that the pod uses the claim. */
export async function bindClaim(
  cluster: Cluster,
  claim: ResourceClaim,
  {
    pod,
    allocation,
    signal,
  }: {
    readonly pod: PodInfo;
    readonly allocation: AllocationResult | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  let current = claim;
  for (let attempt = 1; ; attempt++) {
    try {
      return await write(cluster, current, { pod, allocation, signal });
    } catch (error) {
      if (attempt >= attempts || !ApiError.is(error, 'Conflict')) throw error;
      current = await cluster.get(resourceClaims, claim.metadata, { signal });
    }
  }
}

async function write(
  cluster: Cluster,
  claim: ResourceClaim,
  {
    pod,
    allocation,
    signal,
  }: {
    readonly pod: PodInfo;
    readonly allocation: AllocationResult | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { metadata, status } = claim;
  const key = `${metadata.namespace}/${metadata.name}`;
  if (metadata.deletionTimestamp) throw new Error(`claim ${key} got deleted in the meantime`);
  if (allocation && status?.allocation)
    throw new Error(`claim ${key} got allocated elsewhere in the meantime`);
  if (isReservedFor(claim, pod.uid)) return;
  let current = claim;
  if (allocation && !metadata.finalizers?.includes(finalizer)) {
    const finalizers = [...(metadata.finalizers ?? []), finalizer];
    current = await cluster.update(
      resourceClaims,
      { ...claim, metadata: { ...metadata, finalizers } },
      { signal },
    );
  }
  const consumer = { resource: 'pods', name: pod.name, uid: pod.uid };
  const reservedFor = [...(current.status?.reservedFor ?? []), consumer];
  const changed = { ...current.status, ...(allocation && { allocation }), reservedFor };
  await cluster.update(
    resourceClaims,
    { ...current, status: changed },
    { signal, subresource: 'status' },
  );
}
