import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { pods } from '#shared/api/core/pod.ts';
import { volumeAttributesClasses } from '#shared/api/storage/volume-attributes-class.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '#shared/api/types/core-v1.ts';
import type { VolumeAttributesClass } from '#shared/api/types/storage-v1.ts';
import { cacheIndex, controller, trigger, type ReconcileContext } from '#shared/kube/controller.ts';
import { keyOf, type KubeObject } from '#shared/kube/object.ts';
import { controllerOf } from '#shared/kube/owners.ts';
import type { Resource } from '#shared/kube/resource.ts';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';
const attributesFinalizer = 'kubernetes.io/vac-protection';

/** The claims that a pod uses, by name; ephemeral ones are named after the pod. */
export function claimNamesOf({ metadata, spec }: Pod): string[] {
  const names: string[] = [];
  for (const { name, persistentVolumeClaim, ephemeral } of spec.volumes ?? []) {
    if (persistentVolumeClaim) names.push(persistentVolumeClaim.claimName);
    else if (ephemeral) names.push(`${metadata.name}-${name}`);
  }
  return names;
}

const claimKeysOf = (pod: Pod): string[] =>
  claimNamesOf(pod).map((name) => keyOf({ namespace: pod.metadata.namespace, name }));

/** Keeps a claim while a pod on a node uses it. */
export const claimProtectionController = controller<PersistentVolumeClaim>({
  name: 'pvc-protection-controller',
  watches: persistentVolumeClaims,
  indexes: [cacheIndex(pods, 'claims', claimKeysOf)],
  triggers: [
    trigger(pods, ({ before, after }) => [
      ...(after ? claimKeysOf(after) : []),
      ...(before ? claimKeysOf(before) : []),
    ]),
  ],
  wakes: ({ after }) => (after && needsWork(after, claimFinalizer) ? [keyOf(after.metadata)] : []),

  async reconcile(claim, context) {
    const isUsed = (): boolean => {
      for (const pod of context.cache.by(pods, 'claims', context.key))
        if (uses(pod, claim)) return true;
      return false;
    };
    await protect(context, {
      resource: persistentVolumeClaims,
      object: claim,
      finalizer: claimFinalizer,
      isUsed,
    });
  },
});

/** Keeps a volume while it is bound to a claim. */
export const volumeProtectionController = controller<PersistentVolume>({
  name: 'pv-protection-controller',
  watches: persistentVolumes,
  wakes: ({ after }) => (after && needsWork(after, volumeFinalizer) ? [keyOf(after.metadata)] : []),
  async reconcile(volume, context) {
    await protect(context, {
      resource: persistentVolumes,
      object: volume,
      finalizer: volumeFinalizer,
      isUsed: () => volume.status.phase === 'Bound',
    });
  },
});

/** The classes that a claim asks for, has, or is on its way to. */
function classNamesOf({ spec, status }: PersistentVolumeClaim): string[] {
  const names: (string | undefined)[] = [
    spec.volumeAttributesClassName,
    status.currentVolumeAttributesClassName,
    status.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names)].filter((name): name is string => !!name);
}

const classNameOf = ({ spec }: PersistentVolume): string[] =>
  spec.volumeAttributesClassName ? [spec.volumeAttributesClassName] : [];

/** Keeps a class of volume attributes while a volume has it or a claim names it. */
export const attributesProtectionController = controller<VolumeAttributesClass>({
  name: 'volumeattributesclass-protection-controller',
  watches: volumeAttributesClasses,
  indexes: [
    cacheIndex(persistentVolumeClaims, 'attributes', classNamesOf),
    cacheIndex(persistentVolumes, 'attributes', classNameOf),
  ],
  triggers: [
    trigger(persistentVolumeClaims, ({ before }) => (before ? classNamesOf(before) : [])),
    trigger(persistentVolumes, ({ before }) => (before ? classNameOf(before) : [])),
  ],
  wakes: ({ after }) =>
    after && needsWork(after, attributesFinalizer) ? [keyOf(after.metadata)] : [],

  async reconcile(object, context) {
    const isUsed = (): boolean =>
      [persistentVolumeClaims, persistentVolumes].some((kind) => {
        for (const _ of context.cache.by<KubeObject>(kind, 'attributes', context.key)) return true;
        return false;
      });
    await protect(context, {
      resource: volumeAttributesClasses,
      object,
      finalizer: attributesFinalizer,
      isUsed,
    });
  },
});

/** Only pods that are on a node hold a claim; one that is shut down no longer holds ephemeral ones. */
function uses(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if (!pod.spec.nodeName) return false;
  const { name } = claim.metadata;
  const isShutDown =
    pod.metadata.deletionTimestamp !== undefined && pod.metadata.deletionGracePeriodSeconds === 0;
  return (pod.spec.volumes ?? []).some((volume) => {
    if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName === name;
    const isOurs = volume.ephemeral && `${pod.metadata.name}-${volume.name}` === name;
    return isOurs && !isShutDown && controllerOf(claim.metadata)?.uid === pod.metadata.uid;
  });
}

function needsWork({ metadata }: KubeObject, finalizer: string): boolean {
  const has = metadata.finalizers?.includes(finalizer) ?? false;
  return metadata.deletionTimestamp ? has : !has;
}

interface Protected<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly object: T;
  readonly finalizer: string;
  isUsed(): boolean;
}

async function protect<T extends KubeObject>(
  { cluster }: ReconcileContext,
  { resource, object, finalizer, isUsed }: Protected<T>,
): Promise<void> {
  if (!needsWork(object, finalizer)) return;
  const { metadata } = object;
  const others = (metadata.finalizers ?? []).filter((one) => one !== finalizer);
  if (metadata.deletionTimestamp && isUsed()) return;
  const finalizers = metadata.deletionTimestamp ? others : [...others, finalizer];
  await cluster.update(resource, { ...object, metadata: { ...metadata, finalizers } });
}
