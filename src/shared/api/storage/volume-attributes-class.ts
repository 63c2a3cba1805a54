import type { VolumeAttributesClass } from '#shared/api/types/storage-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { validateParameters, validateProvisioner } from '#shared/api/storage/parameters.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, required } from '#shared/kube/field-error.ts';
import { validateObjectMeta } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const volumeAttributesClasses = resource<VolumeAttributesClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  singular: 'volumeattributesclass',
  scope: 'Cluster',
  shortNames: ['vac'],
  type: 'storage.v1.VolumeAttributesClass',
  storage: { prefix: '/registry/volumeattributesclasses' },
  lifecycle: { deleteReturnsObject: true },
  validate: validateClass,
  *validateUpdate(attributesClass, old) {
    const { driverName, parameters, metadata } = attributesClass;
    if (driverName !== old.driverName) {
      yield forbiddenValue('driverName', 'updates to driverName are forbidden.');
    }
    if (!semanticEqual(old.parameters, parameters)) {
      yield forbiddenValue('parameters', 'updates to parameters are forbidden.');
    }
    yield* validateObjectMeta(metadata, { isNamespaced: false });
    yield* validateClass(attributesClass);
  },
  columns: [nameColumn, { name: 'DriverName', value: ({ driverName }) => driverName }, ageColumn],
});

function* validateClass({ driverName, parameters }: VolumeAttributesClass): Iterable<FieldError> {
  yield* validateProvisioner(driverName ?? '', 'driverName');
  yield* validateParameters(parameters, 'parameters');
  if (Object.keys(parameters ?? {}).length === 0) {
    yield required('parameters', 'must contain at least one key/value pair');
  }
}
