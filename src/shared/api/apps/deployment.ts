import type { Deployment } from '#shared/api/types/apps-v1.ts';
import { ageColumn, containerColumns, nameColumn, selectorText } from '#shared/api/columns.ts';
import { validateReplicaCounts } from '#shared/api/apps/replica-counts.ts';
import { atMostAll, notDecremented, numberOf, validateAmount } from '#shared/api/apps/rollout.ts';
import { validateSelectedTemplate } from '#shared/api/apps/template.ts';
import { podAllowances } from '#shared/api/core/pod/allowances.ts';
import { strict, type PodAllowances } from '#shared/api/core/pod/context.ts';
import { defaultPodTemplate } from '#shared/api/core/pod/defaults.ts';
import { dropDisabledFields } from '#shared/api/core/pod/disabled-fields.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { countGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import { nonNegative, unchanged } from '#shared/kube/checks.ts';
import { forbiddenValue, invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { resource } from '#shared/kube/resource.ts';

export const deployments = resource<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  singular: 'deployment',
  scope: 'Namespaced',
  shortNames: ['deploy'],
  categories: ['all'],
  type: 'apps.v1.Deployment',
  storage: { prefix: '/registry/deployments' },
  subresources: [
    {
      name: 'scale',
      kind: 'Scale',
      groupVersion: 'autoscaling/v1',
      verbs: ['get', 'patch', 'update'],
    },
    { name: 'status', kind: 'Deployment', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { generation: true },
  default({ spec }) {
    spec.replicas ??= 1;
    const strategy = (spec.strategy ??= {});
    if (!strategy.type) strategy.type = 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      strategy.rollingUpdate.maxUnavailable ??= '25%';
      strategy.rollingUpdate.maxSurge ??= '25%';
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    defaultPodTemplate(spec.template);
  },
  prepareForCreate(draft) {
    resetStatus(draft, 'apps.v1.DeploymentStatus');
    startGeneration(draft);
    dropDisabledFields(draft.spec.template.spec, undefined);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    dropDisabledFields(draft.spec.template.spec, old.spec.template.spec);
    // Annotations reach the ReplicaSets, so that a change of them counts too.
    countGeneration(draft, old, {
      value: [draft.spec, { ...draft.metadata.annotations }],
      before: [old.spec, { ...old.metadata.annotations }],
    });
  },
  prepareForStatusUpdate(draft, old) {
    keep('spec', draft, old);
    const { labels } = old.metadata;
    if (labels) draft.metadata.labels = { ...labels };
    else delete draft.metadata.labels;
  },
  validate: ({ spec }) => validateSpec(spec, strict),
  *validateUpdate({ spec }, old) {
    const { template } = old.spec;
    yield* validateSpec(spec, podAllowances(template.spec, template.metadata, { isPod: false }));
    yield* unchanged(spec.selector, old.spec.selector, 'spec.selector');
  },
  *validateStatusUpdate({ status }, old) {
    yield* validateReplicaCounts(status ?? {}, [
      'observedGeneration',
      'replicas',
      'updatedReplicas',
      'readyReplicas',
      'availableReplicas',
      'unavailableReplicas',
      'terminatingReplicas',
    ]);
    yield* nonNegative(status?.collisionCount, 'status.collisionCount');
    yield* notDecremented(status?.collisionCount, old.status?.collisionCount);
  },
  columns: [
    nameColumn,
    {
      name: 'Ready',
      value: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    },
    { name: 'Up-to-date', value: ({ status }) => status?.updatedReplicas ?? 0 },
    { name: 'Available', value: ({ status }) => status?.availableReplicas ?? 0 },
    ageColumn,
    ...containerColumns<Deployment>(),
    { name: 'Selector', priority: 1, value: ({ spec }) => selectorText(spec.selector) },
  ],
});

function* validateSpec(spec: Deployment['spec'], allows: PodAllowances): Iterable<FieldError> {
  const { minReadySeconds = 0, progressDeadlineSeconds: deadline } = spec;
  yield* nonNegative(spec.replicas, 'spec.replicas');
  yield* validateSelectedTemplate(spec.selector, spec.template, allows);
  yield* validateStrategy(spec.strategy ?? {}, 'spec.strategy');
  yield* nonNegative(minReadySeconds, 'spec.minReadySeconds');
  yield* nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit');
  if (deadline === undefined) return;
  yield* nonNegative(deadline, 'spec.progressDeadlineSeconds');
  if (deadline <= minReadySeconds) {
    yield invalidValue(
      'spec.progressDeadlineSeconds',
      deadline,
      'must be greater than minReadySeconds',
    );
  }
}

function* validateStrategy(
  strategy: NonNullable<Deployment['spec']['strategy']>,
  field: string,
): Iterable<FieldError> {
  const { type, rollingUpdate } = strategy;
  const path = `${field}.rollingUpdate`;
  if (type === 'Recreate') {
    if (rollingUpdate) {
      yield forbiddenValue(path, "may not be specified when strategy `type` is 'Recreate'");
    }
  } else if (type !== 'RollingUpdate') {
    yield notOneOf(field, strategy, ['Recreate', 'RollingUpdate']);
  } else if (rollingUpdate) {
    const { maxUnavailable, maxSurge } = rollingUpdate;
    yield* validateAmount(maxUnavailable, `${path}.maxUnavailable`);
    yield* validateAmount(maxSurge, `${path}.maxSurge`);
    if (numberOf(maxUnavailable) === 0 && numberOf(maxSurge) === 0) {
      yield invalidValue(
        `${path}.maxUnavailable`,
        maxUnavailable,
        'may not be 0 when `maxSurge` is 0',
      );
    }
    yield* atMostAll(maxUnavailable, `${path}.maxUnavailable`);
  } else yield required(path, 'this should be defaulted and never be nil');
}
