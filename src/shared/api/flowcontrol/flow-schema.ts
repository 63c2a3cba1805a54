import type { FlowSchema } from '#shared/api/types/flowcontrol-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import {
  validateConditionTypes,
  validateFlowSchemaSpec,
} from '#shared/api/flowcontrol/flow-schema-spec.ts';
import { mandatoryFlowSchemas } from '#shared/api/flowcontrol/mandatory.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import { nameOf } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const flowSchemas = resource<FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  singular: 'flowschema',
  scope: 'Cluster',
  type: 'flowcontrol.v1.FlowSchema',
  storage: { prefix: '/registry/flowschemas' },
  subresources: [{ name: 'status', kind: 'FlowSchema', verbs: ['get', 'patch', 'update'] }],
  lifecycle: { generation: true },
  default({ spec }) {
    if (!spec.matchingPrecedence) spec.matchingPrecedence = 1000;
  },
  prepareForCreate(draft) {
    resetStatus(draft, 'flowcontrol.v1.FlowSchemaStatus');
    startGeneration(draft);
  },
  prepareForUpdate(draft, old) {
    countSpecGeneration(draft, old);
    keep('status', draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  metadata: { onUpdate: ['create'], onStatusUpdate: [] },
  validate: validateFlowSchema,
  validateUpdate: validateFlowSchema,
  validateStatusUpdate: ({ status }) => validateConditionTypes(status.conditions),
  columns: [
    nameColumn,
    { name: 'PriorityLevel', value: ({ spec }) => spec.priorityLevelConfiguration.name },
    { name: 'MatchingPrecedence', value: ({ spec }) => spec.matchingPrecedence },
    {
      name: 'DistinguisherMethod',
      value: ({ spec }) => spec.distinguisherMethod?.type ?? '<none>',
    },
    ageColumn,
    {
      name: 'MissingPL',
      value: ({ status }) =>
        status.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
    },
  ],
});

function* validateFlowSchema({ metadata, spec, status }: FlowSchema): Iterable<FieldError> {
  const name = nameOf(metadata);
  yield* validateFlowSchemaSpec(spec, name);
  const fixed = mandatoryFlowSchemas[name];
  if (fixed && !semanticEqual(spec, fixed)) {
    yield invalidValue('spec', spec, `spec of '${name}' must equal the fixed value`);
  }
  yield* validateConditionTypes(status.conditions);
}
