import type { Node, PersistentVolume, PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import type { CSIStorageCapacity, StorageClass } from '#shared/api/types/storage-v1.ts';
import { quantityValue } from '#shared/kube/quantity.ts';
import { selectorOf } from '#shared/kube/selectors.ts';
import { AssumedObjects } from '../assumed-objects.ts';
import type { Listers } from '../listers.ts';
import type { PodInfo } from '../pod-info.ts';
import {
  findMatchingVolume,
  isAllowedTopology,
  isReachable,
  requestedSize,
} from './volume-matching.ts';
import {
  claimsOf,
  classOf,
  foreignClaim,
  isFullyBound,
  missing,
  selectedNodeAnnotation,
} from './volumes.ts';

/** A pod's claims by what is left to do for them. */
export interface PodClaims {
  readonly bound: readonly PersistentVolumeClaim[];
  /** Wait for the pod's node before they are bound. */
  readonly delayed: readonly PersistentVolumeClaim[];
  /** Should be bound by now and are not. */
  readonly immediate: readonly PersistentVolumeClaim[];
  /** Free volumes by the class of the delayed claims. */
  readonly volumes: ReadonlyMap<string, readonly PersistentVolume[]>;
}

export interface StaticBinding {
  readonly volume: PersistentVolume;
  readonly claim: PersistentVolumeClaim;
}

/** What would have to be done for the pod's volumes on one node. */
export interface NodeVolumes {
  readonly bindings: readonly StaticBinding[];
  readonly provisions: readonly PersistentVolumeClaim[];
}

export const conflicts = {
  node: "node(s) didn't match PersistentVolume's node affinity",
  bind: "node(s) didn't find available persistent volumes to bind",
  space: 'node(s) did not have enough free storage',
  missing: 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)',
} as const;

const noProvisioner = 'kubernetes.io/no-provisioner';

/** Finds out what volumes a pod could use where, with what has been promised to other pods taken off. */
export class VolumeBinder {
  readonly volumes: AssumedObjects<PersistentVolume>;
  readonly claims: AssumedObjects<PersistentVolumeClaim>;
  readonly #listers: Listers;

  constructor(listers: Listers) {
    this.#listers = listers;
    this.volumes = new AssumedObjects(listers.persistentVolumes);
    this.claims = new AssumedObjects(listers.persistentVolumeClaims);
  }

  /** Why the pod's claims are not fit for use; `undefined` also when it has none. */
  unusable({ pod, namespace }: PodInfo): string | undefined {
    for (const { name, isEphemeral } of claimsOf(pod)) {
      const claim = this.#listers.persistentVolumeClaims.get(`${namespace}/${name}`);
      if (!claim) {
        return isEphemeral
          ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
          : missing('persistentvolumeclaim', name);
      }
      const { metadata, spec, status } = claim;
      if (status?.phase === 'Lost')
        return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${spec?.volumeName ?? ''}"`;
      if (metadata.deletionTimestamp) return `persistentvolumeclaim "${name}" is being deleted`;
      const foreign = isEphemeral ? foreignClaim(pod, claim) : undefined;
      if (foreign) return foreign;
    }
    return undefined;
  }

  podClaims({ pod, namespace }: PodInfo): PodClaims {
    const bound: PersistentVolumeClaim[] = [];
    const delayed: PersistentVolumeClaim[] = [];
    const immediate: PersistentVolumeClaim[] = [];
    for (const { name } of claimsOf(pod)) {
      const claim = this.claims.get(`${namespace}/${name}`);
      if (!claim) throw new Error(`error getting PVC "${namespace}/${name}"`);
      if (isFullyBound(claim)) bound.push(claim);
      else if (this.#isDelayed(claim) && !claim.spec?.volumeName) delayed.push(claim);
      else immediate.push(claim);
    }
    const volumes = new Map<string, readonly PersistentVolume[]>();
    for (const name of new Set(delayed.map(classOf)))
      volumes.set(name, [...this.volumes.by('class', name)]);
    return { bound, delayed, immediate, volumes };
  }

  /** What the node would take, or every reason against it. */
  find(claims: PodClaims, node: Node): NodeVolumes | readonly string[] {
    const reasons: string[] = [];
    const trouble = this.#boundTrouble(claims.bound, node);
    if (trouble === conflicts.node) reasons.push(trouble);
    const found = this.#findForDelayed(claims, node);
    if (typeof found === 'string') reasons.push(found);
    if (trouble === conflicts.missing) reasons.push(trouble);
    return reasons.length > 0 || typeof found === 'string' ? reasons : found;
  }

  isDone({ pod, namespace }: PodInfo): boolean {
    return claimsOf(pod).every(({ name }) => {
      const claim = this.claims.get(`${namespace}/${name}`);
      return claim !== undefined && isFullyBound(claim);
    });
  }

  #boundTrouble(bound: readonly PersistentVolumeClaim[], node: Node): string | undefined {
    for (const { spec } of bound) {
      const volume = this.volumes.get(spec?.volumeName ?? '');
      if (!volume) return conflicts.missing;
      if (!isReachable(volume, node)) return conflicts.node;
    }
    return undefined;
  }

  #findForDelayed({ delayed, volumes }: PodClaims, node: Node): NodeVolumes | string {
    const toProvision: PersistentVolumeClaim[] = [];
    const toMatch: PersistentVolumeClaim[] = [];
    for (const claim of delayed) {
      const selected = claim.metadata.annotations?.[selectedNodeAnnotation];
      if (selected === undefined) toMatch.push(claim);
      else if (selected === node.metadata.name) toProvision.push(claim);
      else return conflicts.bind;
    }
    const bindings: StaticBinding[] = [];
    const taken = new Set<string>();
    toMatch.sort((a, b) => (requestedSize(a) ?? 0) - (requestedSize(b) ?? 0));
    for (const claim of toMatch) {
      const candidates = volumes.get(classOf(claim)) ?? [];
      const volume = findMatchingVolume(claim, candidates, { node, taken });
      if (!volume) toProvision.push(claim);
      else {
        taken.add(volume.metadata.name ?? '');
        bindings.push({ volume, claim });
      }
    }
    const trouble = this.#provisionTrouble(toProvision, node);
    return trouble ?? { bindings, provisions: toProvision };
  }

  #provisionTrouble(claims: readonly PersistentVolumeClaim[], node: Node): string | undefined {
    for (const claim of claims) {
      const name = classOf(claim);
      const key = `${claim.metadata.namespace}/${claim.metadata.name}`;
      if (!name) throw new Error(`no class for claim "${key}"`);
      const storageClass = this.#listers.storageClasses.get(name);
      if (!storageClass) throw new Error(`failed to find storage class "${name}"`);
      const { provisioner, allowedTopologies } = storageClass;
      if (!provisioner || provisioner === noProvisioner) return conflicts.bind;
      if (!isAllowedTopology(allowedTopologies, node.metadata.labels)) return conflicts.bind;
      if (!this.#hasSpace(claim, storageClass, node)) return conflicts.space;
    }
    return undefined;
  }

  /** Drivers that publish their capacity must have enough of it in one place that the node reaches. */
  #hasSpace(claim: PersistentVolumeClaim, storageClass: StorageClass, node: Node): boolean {
    const size = requestedSize(claim);
    if (size === undefined) return true;
    const driver = this.#listers.csiDrivers.get(storageClass.provisioner);
    if (!driver?.spec.storageCapacity) return true;
    for (const capacity of this.#listers.csiStorageCapacities.values()) {
      if (capacity.storageClassName !== storageClass.metadata.name) continue;
      if ((volumeLimit(capacity) ?? -1) < size || !capacity.nodeTopology) continue;
      if (selectorOf(capacity.nodeTopology).matches(node.metadata.labels)) return true;
    }
    return false;
  }

  #isDelayed(claim: PersistentVolumeClaim): boolean {
    const name = classOf(claim);
    const storageClass = name ? this.#listers.storageClasses.get(name) : undefined;
    if (!storageClass) return false;
    if (storageClass.volumeBindingMode === undefined)
      throw new Error(`VolumeBindingMode not set for StorageClass "${name}"`);
    return storageClass.volumeBindingMode === 'WaitForFirstConsumer';
  }
}

/** The largest volume that fits; absent when the driver does not say. */
export function volumeLimit({
  maximumVolumeSize,
  capacity,
}: CSIStorageCapacity): number | undefined {
  const text = maximumVolumeSize ?? capacity;
  return text === undefined ? undefined : quantityValue(text);
}
