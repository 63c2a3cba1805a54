import type { CSIStorageCapacity } from '#shared/api/types/storage-v1.ts';
import { createdAtColumn, nameColumn } from '#shared/api/columns.ts';
import { invalidEach, isClean, nonNegativeQuantity, unchanged } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { dns1123Subdomain } from '#shared/kube/names.ts';
import { validateLabelSelector, validateObjectMetaUpdate } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const csiStorageCapacities = resource<CSIStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  singular: 'csistoragecapacity',
  scope: 'Namespaced',
  type: 'storage.v1.CSIStorageCapacity',
  storage: { prefix: '/registry/csistoragecapacities' },
  allowsUnconditionalUpdate: false,
  metadata: { onUpdate: ['create'] },
  validate: (capacity) => validateCapacity(capacity, false),
  *validateUpdate(capacity, old) {
    yield* validateCapacity(capacity, !isClean(validateLabelSelector(old.nodeTopology, '')));
    yield* validateObjectMetaUpdate(capacity.metadata, old.metadata);
    yield* unchanged(capacity.nodeTopology, old.nodeTopology, 'nodeTopology');
    yield* unchanged(
      capacity.storageClassName ?? '',
      old.storageClassName ?? '',
      'storageClassName',
    );
  },
  columns: [nameColumn, createdAtColumn],
});

function* validateCapacity(
  { nodeTopology, storageClassName: name, capacity }: CSIStorageCapacity,
  allowsInvalidValues: boolean,
): Iterable<FieldError> {
  yield* validateLabelSelector(nodeTopology, 'nodeTopology', { allowsInvalidValues });
  yield* invalidEach('storageClassName', name ?? '', dns1123Subdomain(name ?? ''));
  if (capacity !== undefined) yield* nonNegativeQuantity(capacity, 'capacity');
}
