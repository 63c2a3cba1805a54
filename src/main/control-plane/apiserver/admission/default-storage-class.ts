import { newestDefault } from '#main/control-plane/apiserver/admission/newest-default.ts';
import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind } from '#main/control-plane/apiserver/admission/refusal.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { storageClasses } from '#shared/api/storage/storage-class.ts';
import type { PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import type { Draft } from '#shared/kube/object.ts';

const isDefault = 'storageclass.kubernetes.io/is-default-class';
const isDefaultBeta = 'storageclass.beta.kubernetes.io/is-default-class';

/** A claim without a class gets the newest one that is marked as default. */
export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  handles: (operation, resource, subresource) =>
    operation === 'CREATE' && isSameKind(resource, persistentVolumeClaims) && subresource === '',
  admit({ object }, { objects }) {
    const claim = object as Draft<PersistentVolumeClaim>;
    if (!claim.spec || classOf(claim) !== undefined) return;
    const chosen = newestDefault(objects.list(storageClasses), [isDefault, isDefaultBeta]);
    if (chosen) claim.spec.storageClassName = chosen.metadata.name;
  },
};

/** The class that a claim asks for; '' asks for none at all. */
export function classOf({
  metadata,
  spec,
}: Pick<PersistentVolumeClaim, 'metadata' | 'spec'>): string | undefined {
  return (
    metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName
  );
}
