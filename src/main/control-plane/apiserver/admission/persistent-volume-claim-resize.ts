import { objectOf, oldObjectOf } from '#main/control-plane/apiserver/admission/request-objects.ts';
import { classOf } from '#main/control-plane/apiserver/admission/default-storage-class.ts';
import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind, refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { storageClasses } from '#shared/api/storage/storage-class.ts';
import type { PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import {
  compareQuantities,
  mustParse,
  zeroQuantity,
  type Quantity,
} from '#shared/kube/quantity.ts';

/** Only bound claims grow, and only where their class allows it. */
export const persistentVolumeClaimResize: AdmissionPlugin = {
  name: 'PersistentVolumeClaimResize',
  handles: (operation, resource, subresource) =>
    operation === 'UPDATE' && isSameKind(resource, persistentVolumeClaims) && subresource === '',
  validate(request, { objects }) {
    const claim = objectOf(request, persistentVolumeClaims);
    const old = oldObjectOf(request, persistentVolumeClaims);
    if (compareQuantities(sizeOf(claim), sizeOf(old)) <= 0) return;
    if (old.status?.phase !== 'Bound') {
      throw refuse(request, 'Only bound persistent volume claims can be expanded');
    }
    const name = classOf(claim);
    const storageClass =
      name && name === classOf(old) ? objects.get(storageClasses, { name }) : undefined;
    if (storageClass?.allowVolumeExpansion) return;
    throw refuse(
      request,
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
  },
};

function sizeOf({ spec }: PersistentVolumeClaim): Quantity {
  const size = spec?.resources?.requests?.['storage'];
  return size === undefined ? zeroQuantity : mustParse(size);
}
