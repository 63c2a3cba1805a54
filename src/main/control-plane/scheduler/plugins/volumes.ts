import type {
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Volume,
} from '#shared/api/types/core-v1.ts';
import { betaClassAnnotation } from '../listers.ts';

export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';
export const bindCompletedAnnotation = 'pv.kubernetes.io/bind-completed';
export const boundByControllerAnnotation = 'pv.kubernetes.io/bound-by-controller';

/** A volume's claim; an ephemeral volume has one of its own, named after pod and volume. */
export interface ClaimReference {
  readonly name: string;
  readonly isEphemeral: boolean;
}

export function claimOf(pod: Pod, volume: Volume): ClaimReference | undefined {
  if (volume.persistentVolumeClaim)
    return { name: volume.persistentVolumeClaim.claimName, isEphemeral: false };
  if (volume.ephemeral) return { name: `${pod.metadata.name}-${volume.name}`, isEphemeral: true };
  return undefined;
}

export function claimsOf(pod: Pod): readonly ClaimReference[] {
  return (pod.spec.volumes ?? []).flatMap((volume) => claimOf(pod, volume) ?? []);
}

/** Whether one of the pod's volumes stands on this claim. */
export function usesClaim(pod: Pod, { metadata }: PersistentVolumeClaim): boolean {
  if (pod.metadata.namespace !== metadata.namespace) return false;
  return claimsOf(pod).some(({ name }) => name === metadata.name);
}

/** Why a claim cannot be the pod's ephemeral volume: somebody else made it. */
export function foreignClaim(pod: Pod, { metadata }: PersistentVolumeClaim): string | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  if (metadata.namespace === pod.metadata.namespace && owner?.uid === pod.metadata.uid)
    return undefined;
  return (
    `PVC ${metadata.namespace}/${metadata.name} was not created for pod ` +
    `${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`
  );
}

export function classOf(object: PersistentVolume | PersistentVolumeClaim): string {
  return object.metadata.annotations?.[betaClassAnnotation] ?? object.spec?.storageClassName ?? '';
}

export function isFullyBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return Boolean(spec?.volumeName) && metadata.annotations?.[bindCompletedAnnotation] !== undefined;
}

/** What a lister says of an object that is not there, in the API's words. */
export function missing(kind: string, name: string): string {
  return `${kind} "${name}" not found`;
}
