import type { PersistentVolumeSpec } from '#shared/api/types/core-v1.ts';
import { validatePersistentSpec } from '#shared/api/core/volume/persistent-spec.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, required } from '#shared/kube/field-error.ts';

const unavailable = 'may not be specified in the context of inline volumes';

/** The spec of a volume that exists only within its attachment, in CSI's form only. */
export function* validateInlineVolume(
  spec: PersistentVolumeSpec,
  field: string,
): Iterable<FieldError> {
  const { claimRef, capacity, nodeAffinity, storageClassName, volumeMode, ...others } = spec;
  const { persistentVolumeReclaimPolicy: policy, ...shared } = others;
  if (claimRef) yield forbiddenValue(`${field}.claimRef`, unavailable);
  if (Object.keys(capacity ?? {}).length > 0) {
    yield forbiddenValue(`${field}.capacity`, unavailable);
  }
  if (!spec.csi) {
    yield required(`${field}.csi`, 'has to be specified in the context of inline volumes');
  }
  if (policy && policy !== 'Retain') {
    yield forbiddenValue(
      `${field}.persistentVolumeReclaimPolicy`,
      'may only be Retain in the context of inline volumes',
    );
  }
  if (nodeAffinity) yield forbiddenValue(`${field}.nodeAffinity`, unavailable);
  for (const error of validatePersistentSpec(
    { ...shared, capacity: { storage: '1' } },
    '',
    false,
  )) {
    yield { ...error, field: error.field.replace(/^spec/, field) };
  }
  if (storageClassName) yield forbiddenValue(`${field}.storageClassName`, unavailable);
  if (volumeMode !== undefined && volumeMode !== 'Filesystem') {
    yield forbiddenValue(
      `${field}.volumeMode`,
      'may not specify volumeMode other than Filesystem in the context of inline volumes',
    );
  }
}
