import type { StatefulSet } from '#shared/api/types/apps-v1.ts';
import { ageColumn, containerColumns, nameColumn } from '#shared/api/columns.ts';
import { validateReplicaCounts } from '#shared/api/apps/replica-counts.ts';
import { notDecremented, numberOf, atMostAll, validateAmount } from '#shared/api/apps/rollout.ts';
import { compiledSelector } from '#shared/api/apps/selection.ts';
import {
  validateRequiredSelector,
  validateRunsForever,
  validateTemplateLabels,
} from '#shared/api/apps/template.ts';
import { validatePodAnnotations } from '#shared/api/core/pod/annotations.ts';
import { validatePodTemplate } from '#shared/api/core/pod/spec.ts';
import { withMembersOf } from '#shared/api/core/pod/update.ts';
import { validateClaimSpec } from '#shared/api/core/volume/claim-spec.ts';
import { defaultClaimSpec } from '#shared/api/core/volume/defaults.ts';
import type { PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import { podAllowances } from '#shared/api/core/pod/allowances.ts';
import { strict, type PodAllowances } from '#shared/api/core/pod/context.ts';
import { defaultPodTemplate } from '#shared/api/core/pod/defaults.ts';
import { dropDisabledFields } from '#shared/api/core/pod/disabled-fields.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import { invalidEach, isClean, nonNegative } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { forbiddenValue, invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { dns1123Label, nameIsDnsLabel } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';
import { validateAnnotations, validateLabels } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const statefulSets = resource<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  singular: 'statefulset',
  scope: 'Namespaced',
  shortNames: ['sts'],
  categories: ['all'],
  type: 'apps.v1.StatefulSet',
  storage: { prefix: '/registry/statefulsets' },
  subresources: [
    {
      name: 'scale',
      kind: 'Scale',
      groupVersion: 'autoscaling/v1',
      verbs: ['get', 'patch', 'update'],
    },
    { name: 'status', kind: 'StatefulSet', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { generation: true },
  validateName: nameIsDnsLabel,
  default({ spec }) {
    defaultStrategy(spec);
    const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
    if (!retention.whenDeleted) retention.whenDeleted = 'Retain';
    if (!retention.whenScaled) retention.whenScaled = 'Retain';
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    defaultPodTemplate(spec.template);
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.apiVersion = 'v1';
      claim.kind = 'PersistentVolumeClaim';
      defaultClaimSpec(claim.spec);
      claim.status ??= {};
      if (!claim.status.phase) claim.status.phase = 'Pending';
    }
  },
  prepareForCreate(draft) {
    resetStatus(draft, 'apps.v1.StatefulSetStatus');
    startGeneration(draft);
    dropMaxUnavailable(draft, undefined);
    dropDisabledFields(draft.spec.template.spec, undefined);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    dropMaxUnavailable(draft, old);
    dropDisabledFields(draft.spec.template.spec, old.spec.template.spec);
    countSpecGeneration(draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  validate: ({ spec }) => validateSpec(spec, { allows: strict, isNew: true }),
  *validateUpdate({ spec }, old) {
    const { template } = old.spec;
    const allows = podAllowances(template.spec, template.metadata, { isPod: false });
    const skipsTemplate = !isClean(validateSpec(old.spec, { allows, isNew: false }));
    yield* validateSpec(spec, { allows, isNew: false, skipsTemplate });
    if (!semanticEqual(withMembersOf(spec, old.spec, changeable), old.spec)) {
      yield forbiddenValue(
        'spec',
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
      );
    }
  },
  *validateStatusUpdate({ status }, old) {
    yield* validateReplicaCounts(status ?? {}, [
      'replicas',
      'readyReplicas',
      'currentReplicas',
      'updatedReplicas',
      'availableReplicas',
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
    ageColumn,
    ...containerColumns<StatefulSet>(),
  ],
});

type Spec = StatefulSet['spec'];

const changeable = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'ordinals',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
] as const;
const field = 'spec.updateStrategy';

function defaultStrategy(spec: Draft<Spec>): void {
  if (!spec.podManagementPolicy) spec.podManagementPolicy = 'OrderedReady';
  const strategy = (spec.updateStrategy ??= {});
  if (!strategy.type) {
    strategy.type = 'RollingUpdate';
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate) {
    strategy.rollingUpdate.partition ??= 0;
  }
}

/** The feature is off by default. */
function dropMaxUnavailable({ spec }: Draft<StatefulSet>, old: StatefulSet | undefined): void {
  if (old?.spec.updateStrategy?.rollingUpdate?.maxUnavailable !== undefined) return;
  delete spec.updateStrategy?.rollingUpdate?.maxUnavailable;
}

interface Rules {
  readonly allows: PodAllowances;
  readonly isNew: boolean;
  /** The old template was refused by newer rules already. */
  readonly skipsTemplate?: boolean;
}

function* validateSpec(spec: Spec, rules: Rules): Iterable<FieldError> {
  const { podManagementPolicy: management, serviceName, selector } = spec;
  if (!management) yield required('spec.podManagementPolicy');
  else if (management !== 'OrderedReady' && management !== 'Parallel') {
    yield invalidValue(
      'spec.podManagementPolicy',
      management,
      "must be 'OrderedReady' or 'Parallel'",
    );
  }
  yield* validateStrategy(spec.updateStrategy ?? {});
  yield* validateRetention(spec);
  if (rules.isNew) {
    for (const [index, claim] of (spec.volumeClaimTemplates ?? []).entries()) {
      yield* validateClaimSpec(claim.spec, `spec.volumeClaimTemplates[${index}].spec`);
    }
  }
  yield* nonNegative(spec.replicas, 'spec.replicas');
  yield* nonNegative(spec.minReadySeconds, 'spec.minReadySeconds');
  yield* nonNegative(spec.ordinals?.start, 'spec.ordinals.start');
  if (rules.isNew && serviceName) {
    yield* invalidEach('spec.serviceName', serviceName, dns1123Label(serviceName));
  }
  yield* validateRequiredSelector(selector, 'statefulset');
  const compiled = compiledSelector(selector);
  if (compiled) {
    yield* validateTemplateLabels(compiled, spec.template);
    yield* validateTemplate(spec, rules);
  } else yield invalidValue('spec.selector', selector, '');
  yield* validateRunsForever(spec.template, 'StatefulSet');
}

function* validateStrategy(strategy: NonNullable<Spec['updateStrategy']>): Iterable<FieldError> {
  const { type, rollingUpdate } = strategy;
  const path = `${field}.rollingUpdate`;
  if (!type) yield required(field);
  else if (type === 'OnDelete') {
    if (rollingUpdate) {
      yield invalidValue(path, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'");
    }
  } else if (type !== 'RollingUpdate') {
    yield invalidValue(field, strategy, "must be 'RollingUpdate' or 'OnDelete'");
  } else if (rollingUpdate) {
    yield* nonNegative(rollingUpdate.partition, `${path}.partition`);
    const { maxUnavailable } = rollingUpdate;
    if (maxUnavailable === undefined) return;
    yield* validateAmount(maxUnavailable, `${path}.maxUnavailable`);
    if (numberOf(maxUnavailable) === 0) {
      yield invalidValue(`${path}.maxUnavailable`, maxUnavailable, 'cannot be 0');
    }
    yield* atMostAll(maxUnavailable, `${path}.maxUnavailable`);
  }
}

function* validateRetention({
  persistentVolumeClaimRetentionPolicy: policy,
}: Spec): Iterable<FieldError> {
  if (!policy) return;
  const supported = ['Retain', 'Delete'];
  for (const member of ['whenDeleted', 'whenScaled'] as const) {
    const value = policy[member] ?? '';
    if (supported.includes(value)) continue;
    yield notOneOf(`spec.persistentVolumeClaimRetentionPolicy.${member}`, value, supported);
  }
}

function* validateTemplate(
  spec: Spec,
  { allows, skipsTemplate = false }: Rules,
): Iterable<FieldError> {
  const template = withClaims(spec);
  const path = 'spec.template';
  if (!skipsTemplate) yield* validatePodTemplate(template, path, allows);
  // Upstream checks these twice.
  const { annotations, labels } = template.metadata ?? {};
  yield* validateLabels(labels, `${path}.labels`);
  yield* validateAnnotations(annotations, `${path}.annotations`);
  yield* validatePodAnnotations(annotations, template.spec, `${path}.annotations`, allows);
}

/** Pods get a volume for each claim; their own host names and subdomains are not the template's. */
function withClaims({ template, volumeClaimTemplates: claims = [] }: Spec): PodTemplateSpec {
  const { hostname, subdomain, volumes = [] } = template.spec;
  if (!hostname && !subdomain && claims.length === 0) return template;
  const { hostname: _, subdomain: __, ...spec } = template.spec;
  if (claims.length === 0) return { ...template, spec };
  const names = new Set(claims.map(({ metadata }) => metadata.name));
  const claimed = [...names].map((name) => ({
    name,
    persistentVolumeClaim: { claimName: name },
  }));
  const others = volumes.filter(({ name }) => !names.has(name));
  return { ...template, spec: { ...spec, volumes: [...claimed, ...others] } };
}
