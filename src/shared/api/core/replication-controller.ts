import type { ReplicationController } from '#shared/api/types/core-v1.ts';
import { ageColumn, containerColumns, formatLabels, nameColumn } from '#shared/api/columns.ts';
import { podAllowances } from '#shared/api/core/pod/allowances.ts';
import { strict, type PodAllowances } from '#shared/api/core/pod/context.ts';
import { defaultPodTemplate } from '#shared/api/core/pod/defaults.ts';
import { dropDisabledFields } from '#shared/api/core/pod/disabled-fields.ts';
import { validatePodTemplate } from '#shared/api/core/pod/spec.ts';
import { validateReplicaCounts } from '#shared/api/apps/replica-counts.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { nonNegative } from '#shared/kube/checks.ts';
import { forbiddenValue, invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { resource } from '#shared/kube/resource.ts';

export const replicationControllers = resource<ReplicationController>({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  singular: 'replicationcontroller',
  scope: 'Namespaced',
  shortNames: ['rc'],
  categories: ['all'],
  type: 'core.v1.ReplicationController',
  storage: { prefix: '/registry/controllers' },
  subresources: [
    {
      name: 'scale',
      kind: 'Scale',
      groupVersion: 'autoscaling/v1',
      verbs: ['get', 'patch', 'update'],
    },
    { name: 'status', kind: 'ReplicationController', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { generation: true, deleteReturnsObject: true, orphansByDefault: true },
  default({ metadata, spec }) {
    const labels = spec.template?.metadata?.labels;
    if (labels) {
      if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
      if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
    }
    spec.replicas ??= 1;
    if (spec.template) defaultPodTemplate(spec.template);
  },
  prepareForCreate(draft) {
    resetStatus(draft, 'core.v1.ReplicationControllerStatus');
    startGeneration(draft);
    if (draft.spec.template) dropDisabledFields(draft.spec.template.spec, undefined);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    if (draft.spec.template) {
      dropDisabledFields(draft.spec.template.spec, old.spec.template?.spec);
    }
    countSpecGeneration(draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  validate: ({ spec }) => validateSpec(spec, strict),
  validateUpdate({ spec }, old) {
    const { template } = old.spec;
    const allows = podAllowances(template?.spec, template?.metadata, { isPod: false });
    return validateSpec(spec, allows);
  },
  validateStatusUpdate: ({ status }) =>
    validateReplicaCounts(status ?? {}, [
      'replicas',
      'fullyLabeledReplicas',
      'readyReplicas',
      'availableReplicas',
    ]),
  fieldSelectors: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  columns: [
    nameColumn,
    { name: 'Desired', type: 'integer', value: ({ spec }) => spec.replicas ?? 0 },
    { name: 'Current', type: 'integer', value: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', value: ({ status }) => status?.readyReplicas ?? 0 },
    ageColumn,
    ...containerColumns<ReplicationController>(),
    { name: 'Selector', priority: 1, value: ({ spec }) => formatLabels(spec.selector) },
  ],
});

function* validateSpec(
  spec: ReplicationController['spec'],
  allows: PodAllowances,
): Iterable<FieldError> {
  const { replicas, selector = {}, template } = spec;
  yield* nonNegative(spec.minReadySeconds, 'spec.minReadySeconds');
  const selected = Object.entries(selector);
  if (selected.length === 0) yield required('spec.selector');
  if (replicas === undefined) yield required('spec.replicas');
  else yield* nonNegative(replicas, 'spec.replicas');
  if (!template) {
    yield required('spec.template');
    return;
  }
  const labels = template.metadata?.labels ?? {};
  if (selected.some(([key, value]) => labels[key] !== value)) {
    yield invalidValue(
      'spec.template.metadata.labels',
      labels,
      '`selector` does not match template `labels`',
    );
  }
  yield* validatePodTemplate(template, 'spec.template', allows);
  const { restartPolicy, activeDeadlineSeconds } = template.spec;
  if (restartPolicy !== 'Always') {
    yield notOneOf('spec.template.spec.restartPolicy', restartPolicy, ['Always']);
  }
  if (activeDeadlineSeconds !== undefined) {
    yield forbiddenValue(
      'spec.template.spec.activeDeadlineSeconds',
      'activeDeadlineSeconds in ReplicationController is not Supported',
    );
  }
}
