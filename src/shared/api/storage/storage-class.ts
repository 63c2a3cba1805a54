import type { StorageClass } from '#shared/api/types/storage-v1.ts';
import { ageColumn } from '#shared/api/columns.ts';
import { validateParameters, validateProvisioner } from '#shared/api/storage/parameters.ts';
import { validateTopologies } from '#shared/api/storage/topologies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { unchanged } from '#shared/kube/checks.ts';
import { notSupported } from '#shared/kube/field-error.ts';
import { validateObjectMetaUpdate } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const storageClasses = resource<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  singular: 'storageclass',
  scope: 'Cluster',
  shortNames: ['sc'],
  type: 'storage.v1.StorageClass',
  storage: { prefix: '/registry/storageclasses' },
  lifecycle: { deleteReturnsObject: true },
  default(draft) {
    draft.reclaimPolicy ??= 'Delete';
    draft.volumeBindingMode ??= 'Immediate';
  },
  metadata: { onUpdate: ['create'] },
  validate: validateClass,
  *validateUpdate(storageClass, old) {
    yield* validateClass(storageClass);
    yield* validateObjectMetaUpdate(storageClass.metadata, old.metadata);
    yield* unchanged(storageClass.parameters, old.parameters, 'parameters');
    yield* unchanged(storageClass.provisioner, old.provisioner, 'provisioner');
    yield* unchanged(storageClass.reclaimPolicy, old.reclaimPolicy, 'reclaimPolicy');
    yield* unchanged(storageClass.volumeBindingMode, old.volumeBindingMode, 'volumeBindingMode');
  },
  columns: [
    {
      name: 'Name',
      format: 'name',
      value: ({ metadata: { name, annotations } }) =>
        defaultAnnotations.some((key) => annotations?.[key] === 'true')
          ? `${name} (default)`
          : name,
    },
    { name: 'Provisioner', value: ({ provisioner }) => provisioner },
    { name: 'ReclaimPolicy', value: ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete' },
    { name: 'VolumeBindingMode', value: ({ volumeBindingMode: mode }) => mode ?? 'Immediate' },
    {
      name: 'AllowVolumeExpansion',
      value: ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
    },
    ageColumn,
  ],
});

const reclaimPolicies = ['Delete', 'Retain'];
const bindingModes = ['Immediate', 'WaitForFirstConsumer'];
const defaultAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

function* validateClass(storageClass: StorageClass): Iterable<FieldError> {
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode: mode } = storageClass;
  yield* validateProvisioner(provisioner ?? '', 'provisioner');
  yield* validateParameters(parameters, 'parameters');
  if (reclaimPolicy && !reclaimPolicies.includes(reclaimPolicy)) {
    yield notSupported('reclaimPolicy', reclaimPolicy, reclaimPolicies);
  }
  if (!bindingModes.includes(mode ?? '')) {
    yield notSupported('volumeBindingMode', mode, bindingModes);
  }
  yield* validateTopologies(storageClass.allowedTopologies ?? [], 'allowedTopologies');
}
