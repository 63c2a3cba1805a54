import type { ResourceSlice } from '#shared/api/types/resource-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { validateSliceSpec } from '#shared/api/resource/slice-spec.ts';
import { countSpecGeneration, startGeneration } from '#shared/api/strategies.ts';
import { resource } from '#shared/kube/resource.ts';

export const resourceSlices = resource<ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  singular: 'resourceslice',
  scope: 'Cluster',
  type: 'resource.v1.ResourceSlice',
  storage: { prefix: '/registry/resourceslices' },
  lifecycle: { generation: true, deleteReturnsObject: true },
  default({ spec }) {
    for (const { nodeAllocatableResourceMappings: mappings = {} } of spec.devices ?? []) {
      for (const mapping of Object.values(mappings)) mapping.allocationMultiplier ??= '1';
    }
  },
  prepareForCreate: startGeneration,
  prepareForUpdate: countSpecGeneration,
  validate: ({ spec }) => validateSliceSpec(spec, undefined),
  validateUpdate: ({ spec }, old) => validateSliceSpec(spec, old.spec),
  fieldSelectors: {
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.driver': ({ spec }) => spec.driver,
  },
  columns: [
    nameColumn,
    { name: 'Node', value: ({ spec }) => spec.nodeName ?? '' },
    { name: 'Driver', value: ({ spec }) => spec.driver },
    { name: 'Pool', value: ({ spec }) => spec.pool.name },
    ageColumn,
  ],
});
