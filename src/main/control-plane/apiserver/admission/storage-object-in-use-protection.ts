import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind } from '#main/control-plane/apiserver/admission/refusal.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { volumeAttributesClasses } from '#shared/api/storage/volume-attributes-class.ts';

const protections = [
  { kind: persistentVolumes, finalizer: 'kubernetes.io/pv-protection' },
  { kind: persistentVolumeClaims, finalizer: 'kubernetes.io/pvc-protection' },
  { kind: volumeAttributesClasses, finalizer: 'kubernetes.io/vac-protection' },
] as const;

/** Volumes, claims and volume attributes stay until nobody uses them any more. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  handles: (operation, resource, subresource) =>
    operation === 'CREATE' &&
    subresource === '' &&
    protections.some(({ kind }) => isSameKind(resource, kind)),
  admit({ resource, object }) {
    const protection = protections.find(({ kind }) => isSameKind(resource, kind));
    if (!protection || !object) return;
    const finalizers = object.metadata.finalizers ?? [];
    if (finalizers.includes(protection.finalizer)) return;
    object.metadata.finalizers = [...finalizers, protection.finalizer];
  },
};
