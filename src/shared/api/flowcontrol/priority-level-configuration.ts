import type { PriorityLevelConfiguration } from '#shared/api/types/flowcontrol-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { validateConditionTypes } from '#shared/api/flowcontrol/flow-schema-spec.ts';
import { mandatoryPriorityLevels } from '#shared/api/flowcontrol/mandatory.ts';
import { validatePriorityLevelSpec } from '#shared/api/flowcontrol/priority-level-spec.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue } from '#shared/kube/field-error.ts';
import { nameOf } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const priorityLevelConfigurations = resource<PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  singular: 'prioritylevelconfiguration',
  scope: 'Cluster',
  type: 'flowcontrol.v1.PriorityLevelConfiguration',
  storage: { prefix: '/registry/prioritylevelconfigurations' },
  subresources: [
    { name: 'status', kind: 'PriorityLevelConfiguration', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { generation: true },
  default({ spec: { exempt, limited } }) {
    if (exempt) {
      exempt.nominalConcurrencyShares ??= 0;
      exempt.lendablePercent ??= 0;
    }
    if (!limited) return;
    limited.nominalConcurrencyShares ??= 30;
    limited.lendablePercent ??= 0;
    const { queuing } = limited.limitResponse;
    if (!queuing) return;
    if (!queuing.handSize) queuing.handSize = 8;
    if (!queuing.queues) queuing.queues = 64;
    if (!queuing.queueLengthLimit) queuing.queueLengthLimit = 50;
  },
  prepareForCreate(draft) {
    resetStatus(draft, 'flowcontrol.v1.PriorityLevelConfigurationStatus');
    startGeneration(draft);
  },
  prepareForUpdate(draft, old) {
    countSpecGeneration(draft, old);
    keep('status', draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  metadata: { onUpdate: ['create'], onStatusUpdate: [] },
  validate: validateLevel,
  validateUpdate: validateLevel,
  validateStatusUpdate: ({ status }) => validateConditionTypes(status.conditions),
  columns: [
    nameColumn,
    { name: 'Type', value: ({ spec }) => spec.type },
    {
      name: 'NominalConcurrencyShares',
      value: ({ spec }) => spec.limited?.nominalConcurrencyShares ?? '<none>',
    },
    { name: 'Queues', value: (level) => queuingOf(level)?.queues ?? '<none>' },
    { name: 'HandSize', value: (level) => queuingOf(level)?.handSize ?? '<none>' },
    { name: 'QueueLengthLimit', value: (level) => queuingOf(level)?.queueLengthLimit ?? '<none>' },
    ageColumn,
  ],
});

type Queuing = NonNullable<
  NonNullable<PriorityLevelConfiguration['spec']['limited']>['limitResponse']['queuing']
>;

const zeroSharesAnnotation = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';

function queuingOf({ spec }: PriorityLevelConfiguration): Queuing | undefined {
  return spec.limited?.limitResponse.queuing;
}

function* validateLevel(level: PriorityLevelConfiguration): Iterable<FieldError> {
  const { metadata, spec, status } = level;
  const name = nameOf(metadata);
  if (metadata.annotations?.[zeroSharesAnnotation] !== undefined) {
    yield forbiddenValue(
      'metadata.annotations',
      `annotation '${zeroSharesAnnotation}' is forbidden`,
    );
  }
  yield* validatePriorityLevelSpec(spec, name);
  const fixed = mandatoryPriorityLevels[name];
  if (fixed) {
    const isExempt = name === 'exempt';
    const expected = isExempt ? { ...fixed, exempt: spec.exempt } : fixed;
    if (!semanticEqual(spec, expected)) {
      const exception = isExempt ? " except the 'spec.exempt' field" : '';
      const detail = `spec of '${name}'${exception} must equal the fixed value`;
      yield invalidValue('spec', spec, detail);
    }
  }
  yield* validateConditionTypes(status.conditions);
}
