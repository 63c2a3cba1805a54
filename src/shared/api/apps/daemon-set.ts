import type { DaemonSet } from '#shared/api/types/apps-v1.ts';
import {
  ageColumn,
  containerColumns,
  formatLabels,
  formatSelector,
  nameColumn,
} from '#shared/api/columns.ts';
import { atMostAll, notDecremented, numberOf, validateAmount } from '#shared/api/apps/rollout.ts';
import {
  compiledSelector,
  hasInvalidSelectorValue,
  isEmptySelector,
} from '#shared/api/apps/selection.ts';
import { mismatch, validateRunsForever } from '#shared/api/apps/template.ts';
import { validatePodTemplate } from '#shared/api/core/pod/spec.ts';
import { podAllowances } from '#shared/api/core/pod/allowances.ts';
import { strict, type PodAllowances } from '#shared/api/core/pod/context.ts';
import { defaultPodTemplate } from '#shared/api/core/pod/defaults.ts';
import { dropDisabledFields } from '#shared/api/core/pod/disabled-fields.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import { nonNegative, unchanged } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import type { Draft } from '#shared/kube/object.ts';
import { validateLabelSelector } from '#shared/kube/object-meta.ts';
import { resource, type Column } from '#shared/kube/resource.ts';

export const daemonSets = resource<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  singular: 'daemonset',
  scope: 'Namespaced',
  shortNames: ['ds'],
  categories: ['all'],
  type: 'apps.v1.DaemonSet',
  storage: { prefix: '/registry/daemonsets' },
  subresources: [{ name: 'status', kind: 'DaemonSet', verbs: ['get', 'patch', 'update'] }],
  lifecycle: { generation: true },
  default({ spec }) {
    const strategy = (spec.updateStrategy ??= {});
    if (!strategy.type) strategy.type = 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      strategy.rollingUpdate.maxUnavailable ??= 1;
      strategy.rollingUpdate.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    defaultPodTemplate(spec.template);
  },
  prepareForCreate(draft) {
    resetStatus(draft, 'apps.v1.DaemonSetStatus');
    startGeneration(draft);
    setTemplateGeneration(draft, Math.max(1, templateGenerationOf(draft)));
    dropDisabledFields(draft.spec.template.spec, undefined);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    dropDisabledFields(draft.spec.template.spec, old.spec.template.spec);
    const isSame = semanticEqual(draft.spec.template, old.spec.template);
    setTemplateGeneration(draft, templateGenerationOf(old) + Number(!isSame));
    countSpecGeneration(draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  validate: ({ spec }) => validateSpec(spec, strict),
  *validateUpdate({ spec }, old) {
    const { template, selector } = old.spec;
    yield* unchanged(spec.selector, selector, 'spec.selector');
    const allows = podAllowances(template.spec, template.metadata, { isPod: false });
    const invalidSelectorValues = allows.invalidSelectorValues || hasInvalidSelectorValue(selector);
    yield* validateSpec(spec, { ...allows, invalidSelectorValues });
  },
  *validateStatusUpdate({ status }, old) {
    for (const member of counts) yield* nonNegative(status?.[member], `status.${member}`);
    yield* notDecremented(status?.collisionCount, old.status?.collisionCount);
  },
  columns: [
    nameColumn,
    count('Desired', 'desiredNumberScheduled'),
    count('Current', 'currentNumberScheduled'),
    count('Ready', 'numberReady'),
    count('Up-to-date', 'updatedNumberScheduled'),
    count('Available', 'numberAvailable'),
    {
      name: 'Node Selector',
      value: ({ spec }) => formatLabels(spec.template.spec.nodeSelector),
    },
    ageColumn,
    ...containerColumns<DaemonSet>(),
    { name: 'Selector', priority: 1, value: ({ spec }) => formatSelector(spec.selector) },
  ],
});

const templateGeneration = 'deprecated.daemonset.template.generation';
const counts = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
] as const;

function count(name: string, member: (typeof counts)[number]): Column<DaemonSet> {
  return { name, type: 'integer', value: ({ status }) => status?.[member] ?? 0 };
}

/** A field of the older API, which lives on in an annotation. */
function templateGenerationOf({ metadata }: Pick<DaemonSet, 'metadata'>): number {
  return Number(metadata.annotations?.[templateGeneration] ?? 0);
}

function setTemplateGeneration({ metadata }: Draft<DaemonSet>, generation: number): void {
  metadata.annotations = { ...metadata.annotations, [templateGeneration]: String(generation) };
}

function* validateSpec(spec: DaemonSet['spec'], allows: PodAllowances): Iterable<FieldError> {
  const { selector, template } = spec;
  const rules = { allowsInvalidValues: allows.invalidSelectorValues };
  yield* validateLabelSelector(selector, 'spec.selector', rules);
  const compiled = compiledSelector(selector);
  if (compiled && !compiled.matches(template.metadata?.labels)) {
    yield mismatch(template.metadata?.labels);
  }
  if (selector && isEmptySelector(selector)) {
    yield invalidValue('spec.selector', selector, 'empty selector is invalid for daemonset');
  }
  yield* validatePodTemplate(template, 'spec.template', allows);
  yield* validateRunsForever(template, 'DaemonSet');
  yield* nonNegative(spec.minReadySeconds, 'spec.minReadySeconds');
  yield* validateStrategy(spec.updateStrategy ?? {}, 'spec.updateStrategy');
  yield* nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit');
}

function* validateStrategy(
  strategy: NonNullable<DaemonSet['spec']['updateStrategy']>,
  field: string,
): Iterable<FieldError> {
  const { type, rollingUpdate } = strategy;
  const path = `${field}.rollingUpdate`;
  if (type === 'OnDelete') return;
  if (type !== 'RollingUpdate') {
    yield notOneOf(field, strategy, ['RollingUpdate', 'OnDelete']);
    return;
  }
  if (!rollingUpdate) {
    yield required(path);
    return;
  }
  const { maxUnavailable, maxSurge } = rollingUpdate;
  yield* validateAmount(maxUnavailable, `${path}.maxUnavailable`);
  yield* validateAmount(maxSurge, `${path}.maxSurge`);
  yield* atMostAll(maxUnavailable, `${path}.maxUnavailable`);
  yield* atMostAll(maxSurge, `${path}.maxSurge`);
  const hasUnavailable = numberOf(maxUnavailable) !== 0;
  const hasSurge = numberOf(maxSurge) !== 0;
  if (hasUnavailable && hasSurge) {
    yield invalidValue(
      `${path}.maxSurge`,
      maxSurge,
      'may not be set when maxUnavailable is non-zero',
    );
  } else if (!hasUnavailable && !hasSurge) {
    yield required(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0');
  }
}
