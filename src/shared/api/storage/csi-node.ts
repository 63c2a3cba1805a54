import type { CSINode } from '#shared/api/types/storage-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { validateCsiDriverName } from '#shared/api/core/volume/network-storage.ts';
import { invalidEach, nonNegative, unchanged } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, invalidValue, required } from '#shared/kube/field-error.ts';
import { byteLength, qualifiedName } from '#shared/kube/names.ts';
import { resource } from '#shared/kube/resource.ts';

export const csiNodes = resource<CSINode>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  plural: 'csinodes',
  singular: 'csinode',
  scope: 'Cluster',
  type: 'storage.v1.CSINode',
  storage: { prefix: '/registry/csinodes' },
  lifecycle: { deleteReturnsObject: true },
  allowsUnconditionalUpdate: false,
  metadata: { onUpdate: ['create'] },
  validate: ({ spec }) => validateDrivers(spec.drivers ?? []),
  *validateUpdate({ spec: { drivers } }, { spec: { drivers: oldDrivers } }) {
    yield* validateDrivers(drivers ?? []);
    for (const old of oldDrivers ?? []) {
      for (const driver of drivers ?? []) {
        if (driver.name !== old.name) continue;
        const before = { ...old, allocatable: driver.allocatable };
        yield* unchanged(driver, before, 'spec.drivers');
      }
    }
  },
  columns: [
    nameColumn,
    { name: 'Drivers', type: 'integer', value: ({ spec }) => spec.drivers?.length ?? 0 },
    ageColumn,
  ],
});

type Driver = CSINode['spec']['drivers'][number];

const longestNodeId = 256;

function* validateDrivers(drivers: readonly Driver[]): Iterable<FieldError> {
  const names = new Set<string>();
  for (const [index, driver] of drivers.entries()) {
    const path = `spec.drivers[${index}]`;
    const { allocatable, topologyKeys } = driver;
    const name = driver.name ?? '';
    const nodeID = driver.nodeID ?? '';
    yield* validateCsiDriverName(name, `${path}.name`);
    if (!nodeID) yield required(`${path}.nodeID`);
    if (byteLength(nodeID) > longestNodeId) {
      yield invalidValue(`${path}.nodeID`, nodeID, `must be ${longestNodeId} characters or less`);
    }
    yield* nonNegative(allocatable?.count, `${path}.allocatable.count`);
    if (names.has(name)) yield duplicateValue(`${path}.name`, name);
    names.add(name);
    yield* validateKeys(topologyKeys ?? [], path);
  }
}

function* validateKeys(keys: readonly string[], field: string): Iterable<FieldError> {
  for (const [index, key] of keys.entries()) {
    if (!key) yield required(field);
    if (keys.indexOf(key) < index) yield duplicateValue(field, key);
    yield* invalidEach(field, key, qualifiedName(key));
  }
}
