import type { Pod } from '#shared/api/types/core-v1.ts';
import type { ResourceClaim } from '#shared/api/types/resource-v1.ts';
import { missing } from './volumes.ts';

/** The pod's resource claims, or why it does not have them all yet. */
export function podClaims(
  pod: Pod,
  find: (key: string) => ResourceClaim | undefined,
): readonly ResourceClaim[] | string {
  const { namespace, name, uid } = pod.metadata;
  const claims: ResourceClaim[] = [];
  for (const reference of pod.spec.resourceClaims ?? []) {
    const isOwn = reference.resourceClaimName === undefined;
    let claimName = reference.resourceClaimName;
    if (isOwn) {
      const known = pod.status?.resourceClaimStatuses?.find((one) => one.name === reference.name);
      if (!known) return `pod "${namespace}/${name}": ResourceClaim not created yet`;
      // The claim's controller found that the pod needs none.
      if (known.resourceClaimName === undefined) continue;
      claimName = known.resourceClaimName;
    }
    const claim = find(`${namespace}/${claimName}`);
    if (!claim) return missing('resourceclaim.resource.k8s.io', claimName ?? '');
    if (claim.metadata.deletionTimestamp) return `resourceclaim "${claimName}" is being deleted`;
    const owner = claim.metadata.ownerReferences?.find(({ controller }) => controller);
    if (isOwn && owner?.uid !== uid)
      return `ResourceClaim ${namespace}/${claimName} was not created for pod ${namespace}/${name} (pod is not owner)`;
    claims.push(claim);
  }
  return claims;
}

/** An API server takes no more consumers of one claim. */
const maxConsumers = 256;

export function isReservedFor({ status }: ResourceClaim, uid: string): boolean {
  return status?.reservedFor?.some((consumer) => consumer.uid === uid) ?? false;
}

export function canBeReserved({ status }: ResourceClaim): boolean {
  return (status?.reservedFor?.length ?? 0) < maxConsumers;
}
