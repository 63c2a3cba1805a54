import type { ReplicaSet } from '#shared/api/types/apps-v1.ts';
import { ageColumn, containerColumns, formatSelector, nameColumn } from '#shared/api/columns.ts';
import { validateReplicaCounts } from '#shared/api/apps/replica-counts.ts';
import { validateSelectedTemplate } from '#shared/api/apps/template.ts';
import { podAllowances } from '#shared/api/core/pod/allowances.ts';
import { strict, type PodAllowances } from '#shared/api/core/pod/context.ts';
import { defaultPodTemplate } from '#shared/api/core/pod/defaults.ts';
import { dropDisabledFields } from '#shared/api/core/pod/disabled-fields.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import { nonNegative, unchanged } from '#shared/kube/checks.ts';
import { resource } from '#shared/kube/resource.ts';

export const replicaSets = resource<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  singular: 'replicaset',
  scope: 'Namespaced',
  shortNames: ['rs'],
  categories: ['all'],
  type: 'apps.v1.ReplicaSet',
  storage: { prefix: '/registry/replicasets' },
  subresources: [
    {
      name: 'scale',
      kind: 'Scale',
      groupVersion: 'autoscaling/v1',
      verbs: ['get', 'patch', 'update'],
    },
    { name: 'status', kind: 'ReplicaSet', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { generation: true },
  default({ spec }) {
    spec.replicas ??= 1;
    defaultPodTemplate(spec.template);
  },
  prepareForCreate(draft) {
    resetStatus(draft, 'apps.v1.ReplicaSetStatus');
    startGeneration(draft);
    dropDisabledFields(draft.spec.template.spec, undefined);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    dropDisabledFields(draft.spec.template.spec, old.spec.template.spec);
    countSpecGeneration(draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  validate: ({ spec }) => validateSpec(spec, strict),
  *validateUpdate({ spec }, old) {
    const { template } = old.spec;
    yield* validateSpec(spec, podAllowances(template.spec, template.metadata, { isPod: false }));
    yield* unchanged(spec.selector, old.spec.selector, 'spec.selector');
  },
  validateStatusUpdate: ({ status }) =>
    validateReplicaCounts(status ?? {}, [
      'replicas',
      'fullyLabeledReplicas',
      'readyReplicas',
      'availableReplicas',
      'observedGeneration',
      'terminatingReplicas',
    ]),
  columns: [
    nameColumn,
    { name: 'Desired', type: 'integer', value: ({ spec }) => spec.replicas ?? 0 },
    { name: 'Current', type: 'integer', value: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', value: ({ status }) => status?.readyReplicas ?? 0 },
    ageColumn,
    ...containerColumns<ReplicaSet>(),
    { name: 'Selector', priority: 1, value: ({ spec }) => formatSelector(spec.selector) },
  ],
});

function* validateSpec(spec: ReplicaSet['spec'], allows: PodAllowances): Iterable<FieldError> {
  yield* nonNegative(spec.replicas, 'spec.replicas');
  yield* nonNegative(spec.minReadySeconds, 'spec.minReadySeconds');
  yield* validateSelectedTemplate(spec.selector, spec.template, allows);
}
