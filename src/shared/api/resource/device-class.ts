import type { DeviceClass } from '#shared/api/types/resource-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { isExtendedResource } from '#shared/api/core/resource-names.ts';
import {
  mostItems,
  validateConfiguration,
  validateEach,
  validateSelector,
} from '#shared/api/resource/device-rules.ts';
import { countSpecGeneration, startGeneration } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import { resource } from '#shared/kube/resource.ts';

export const deviceClasses = resource<DeviceClass>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  plural: 'deviceclasses',
  singular: 'deviceclass',
  scope: 'Cluster',
  type: 'resource.v1.DeviceClass',
  storage: { prefix: '/registry/deviceclasses' },
  lifecycle: { generation: true, deleteReturnsObject: true },
  prepareForCreate: startGeneration,
  prepareForUpdate: countSpecGeneration,
  metadata: { onUpdate: ['create', 'update'] },
  validate: validateClass,
  validateUpdate: validateClass,
  columns: [nameColumn, ageColumn],
});

function* validateClass({ spec }: DeviceClass): Iterable<FieldError> {
  const { selectors, config, extendedResourceName: name } = spec;
  yield* validateEach(selectors, 'spec.selectors', mostItems, validateSelector);
  yield* validateEach(config, 'spec.config', mostItems, validateConfiguration);
  if (name !== undefined && !isExtendedResource(name)) {
    yield invalidValue('spec.extendedResourceName', name, 'must be a valid extended resource name');
  }
}
