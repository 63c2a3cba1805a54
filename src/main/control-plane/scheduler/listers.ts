import type { DeviceClass, ResourceClaim, ResourceSlice } from '#shared/api/types/resource-v1.ts';
import type { ReplicaSet, StatefulSet } from '#shared/api/types/apps-v1.ts';
import type {
  Namespace,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ReplicationController,
  Service,
} from '#shared/api/types/core-v1.ts';
import type { PodDisruptionBudget } from '#shared/api/types/policy-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
} from '#shared/api/types/storage-v1.ts';
import { keyOf } from '#shared/kube/object.ts';
import type { ObjectMeta } from '#shared/kube/types/meta-v1.ts';

/** The objects of one kind as they are known now; an informer is one. */
export interface Lister<T> {
  get(key: string): T | undefined;
  values(): Iterable<T>;
  by(index: string, value: string): Iterable<T>;
}

/** What plugins look up besides nodes and the pods on them. */
export interface Listers {
  readonly pods: Lister<Pod>;
  readonly namespaces: Lister<Namespace>;
  readonly services: Lister<Service>;
  readonly replicationControllers: Lister<ReplicationController>;
  readonly replicaSets: Lister<ReplicaSet>;
  readonly statefulSets: Lister<StatefulSet>;
  readonly podDisruptionBudgets: Lister<PodDisruptionBudget>;
  readonly persistentVolumes: Lister<PersistentVolume>;
  readonly persistentVolumeClaims: Lister<PersistentVolumeClaim>;
  readonly storageClasses: Lister<StorageClass>;
  readonly csiNodes: Lister<CSINode>;
  readonly csiDrivers: Lister<CSIDriver>;
  readonly csiStorageCapacities: Lister<CSIStorageCapacity>;
  readonly volumeAttachments: Lister<VolumeAttachment>;
  readonly resourceClaims: Lister<ResourceClaim>;
  readonly resourceSlices: Lister<ResourceSlice>;
  readonly deviceClasses: Lister<DeviceClass>;
}

/** Where the class of volumes and claims stood before it became a field. */
export const betaClassAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** The indexes that plugins ask for, by kind. */
export const indexes = {
  services: { namespace: ({ metadata }: Service) => [metadata.namespace ?? ''] },
  persistentVolumes: {
    class: ({ metadata, spec }: PersistentVolume) => [
      metadata.annotations?.[betaClassAnnotation] ?? spec?.storageClassName ?? '',
    ],
  },
  volumeAttachments: { node: ({ spec }: VolumeAttachment) => [spec.nodeName] },
} as const;

/** A lister over objects in memory, for simulations and tests. */
export class ObjectMap<T extends { readonly metadata: ObjectMeta }> implements Lister<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes: Readonly<Record<string, (object: T) => readonly string[]>>;

  constructor(
    objects: Iterable<T> = [],
    indexFunctions: Readonly<Record<string, (object: T) => readonly string[]>> = {},
  ) {
    this.#indexes = indexFunctions;
    for (const object of objects) this.set(object);
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): Iterable<T> {
    return this.#objects.values();
  }

  *by(index: string, value: string): Iterable<T> {
    const valuesOf = this.#indexes[index];
    if (!valuesOf) throw new Error(`There is no index ${index}`);
    for (const object of this.#objects.values()) if (valuesOf(object).includes(value)) yield object;
  }

  set(object: T): void {
    this.#objects.set(keyOf({ ...object.metadata, name: object.metadata.name ?? '' }), object);
  }

  delete(key: string): void {
    this.#objects.delete(key);
  }
}
