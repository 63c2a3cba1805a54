import type { Job } from '#shared/api/types/batch-v1.ts';
import {
  ageColumn,
  containerColumns,
  formatSelector,
  humanDuration,
  nameColumn,
} from '#shared/api/columns.ts';
import { compiledSelector, hasInvalidSelectorValue } from '#shared/api/apps/selection.ts';
import { mismatch } from '#shared/api/apps/template.ts';
import { isSuspended, jobLabels, validateJobSpec } from '#shared/api/batch/job-spec.ts';
import { isTrue, validateJobStatus } from '#shared/api/batch/job-status.ts';
import { podAllowances } from '#shared/api/core/pod/allowances.ts';
import { strict, type PodAllowances } from '#shared/api/core/pod/context.ts';
import { defaultPodTemplate } from '#shared/api/core/pod/defaults.ts';
import { dropDisabledFields } from '#shared/api/core/pod/disabled-fields.ts';
import { withMembersOf } from '#shared/api/core/pod/update.ts';
import type { Container, PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { unchanged } from '#shared/kube/checks.ts';
import { invalidValue, required } from '#shared/kube/field-error.ts';
import { dns1123Label, labelValue } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';
import {
  nameOf,
  validateLabelSelector,
  validateObjectMetaUpdate,
} from '#shared/kube/object-meta.ts';
import type { ObjectMeta } from '#shared/kube/types/meta-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const jobs = resource<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  singular: 'job',
  scope: 'Namespaced',
  categories: ['all'],
  type: 'batch.v1.Job',
  storage: { prefix: '/registry/jobs' },
  subresources: [{ name: 'status', kind: 'Job', verbs: ['get', 'patch', 'update'] }],
  lifecycle: { generation: true, deleteReturnsObject: true, orphansByDefault: true },
  default(draft) {
    const { spec } = draft;
    if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
    spec.parallelism ??= 1;
    spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2_147_483_647;
    defaultLabels(draft);
    spec.completionMode ??= 'NonIndexed';
    spec.suspend ??= false;
    spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
    spec.manualSelector ??= false;
    defaultJobTemplate(spec);
  },
  prepareForCreate(draft) {
    if (!draft.spec.manualSelector) generateSelector(draft);
    // Upstream applies defaults once more when it reads what it stored.
    if (labelValue(nameOf(draft.metadata)).length === 0) defaultLabels(draft);
    resetStatus(draft, 'batch.v1.JobStatus');
    startGeneration(draft);
    dropDisabledFields(draft.spec.template.spec, undefined);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    dropDisabledFields(draft.spec.template.spec, old.spec.template.spec);
    countSpecGeneration(draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  metadata: { onUpdate: ['create'] },
  validate: (job) => validateJob(job, { allows: strict, needsPrefixedLabels: true }),
  *validateUpdate(job, old) {
    const { template, selector } = old.spec;
    const allowances = podAllowances(template.spec, template.metadata, { isPod: false });
    const allows = {
      ...allowances,
      invalidSelectorValues: allowances.invalidSelectorValues || hasInvalidSelectorValue(selector),
    };
    const labels = template.metadata?.labels ?? {};
    const needsPrefixedLabels = [jobLabels.jobName[1], jobLabels.controllerUid[1]].every(
      (label) => labels[label] !== undefined,
    );
    yield* validateJob(job, { allows, needsPrefixedLabels });
    yield* validateObjectMetaUpdate(job.metadata, old.metadata);
    yield* validateSelected(job, allows);
    yield* validateFixed(job, old);
  },
  validateStatusUpdate: validateJobStatus,
  fieldSelectors: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  columns: [
    nameColumn,
    { name: 'Status', value: statusOf },
    { name: 'Completions', value: completionsOf },
    { name: 'Duration', value: durationOf },
    ageColumn,
    ...containerColumns<Job>(),
    { name: 'Selector', priority: 1, value: ({ spec }) => formatSelector(spec.selector) },
  ],
});

interface Rules {
  readonly allows: PodAllowances;
  readonly needsPrefixedLabels: boolean;
}

/** The template of a Job, or of the Jobs that a CronJob makes. */
export function defaultJobTemplate(spec: Draft<Job>['spec']): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) {
      if (!pattern.status) pattern.status = 'True';
    }
  }
  defaultPodTemplate(spec.template);
}

/** Labels that a job has from its template: upstream shares one map, so it gets the generated ones too. */
const inherited = new WeakSet<object>();

/** Pods of a job are found by its UID, which nobody else has. */
/** A job without labels has those of its pods. */
function defaultLabels({ metadata, spec }: Draft<Job>): void {
  const labels = spec.template.metadata?.labels;
  if (!labels || Object.keys(metadata.labels ?? {}).length > 0) return;
  metadata.labels = { ...labels };
  inherited.add(metadata.labels);
}

function generateSelector({ metadata, spec }: Draft<Job>): void {
  const template = (spec.template.metadata ??= {} as Draft<ObjectMeta>);
  const labels = { ...template.labels };
  for (const label of jobLabels.jobName) labels[label] ??= nameOf(metadata);
  for (const label of jobLabels.controllerUid) labels[label] ??= metadata.uid;
  template.labels = Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
  if (metadata.labels && inherited.has(metadata.labels)) metadata.labels = { ...template.labels };
  const [, uidLabel] = jobLabels.controllerUid;
  spec.selector ??= {};
  spec.selector.matchLabels = { [uidLabel]: metadata.uid, ...spec.selector.matchLabels };
}

function* validateJob(job: Job, { allows, needsPrefixedLabels }: Rules): Iterable<FieldError> {
  const { metadata, spec } = job;
  yield* validateGenerated(job, needsPrefixedLabels);
  yield* validateSelected(job, allows);
  const { completionMode, completions = 0 } = spec;
  if (completionMode !== 'Indexed' || completions <= 0) return;
  const longest = `${nameOf(metadata)}-${completions - 1}`;
  if (dns1123Label(longest).length > 0) {
    yield invalidValue(
      'metadata.name',
      nameOf(metadata),
      `will not able to create pod with invalid DNS label: ${longest}`,
    );
  }
}

function* validateSelected({ spec }: Job, allows: PodAllowances): Iterable<FieldError> {
  yield* validateJobSpec(spec, 'spec', allows);
  const rules = { allowsInvalidValues: allows.invalidSelectorValues };
  if (spec.selector) yield* validateLabelSelector(spec.selector, 'spec.selector', rules);
  else yield required('spec.selector');
  const { labels } = spec.template.metadata ?? {};
  const selector = compiledSelector(spec.selector);
  if (selector && !selector.matches(labels)) yield mismatch(labels);
}

function* validateGenerated(
  { metadata, spec }: Job,
  needsPrefixedLabels: boolean,
): Iterable<FieldError> {
  if (spec.manualSelector || !spec.selector) return;
  const { uid } = metadata;
  const name = nameOf(metadata);
  if (!uid) yield required('metadata.uid');
  const versions = needsPrefixedLabels ? [0, 1] : [0];
  const expected: Record<string, string> = {};
  const labels = spec.template.metadata?.labels ?? {};
  for (const version of versions) {
    for (const [label, value] of [
      [jobLabels.controllerUid[version]!, uid],
      [jobLabels.jobName[version]!, name],
    ] as const) {
      expected[label] = value;
      const field = `spec.template.metadata.labels[${label}]`;
      if (labels[label] === undefined) yield required(field, `must be '${value}'`);
      else if (labels[label] !== value) yield invalidValue(field, labels, `must be '${value}'`);
    }
  }
  const selector = compiledSelector(spec.selector);
  if (selector && !selector.matches(expected)) {
    yield invalidValue('spec.selector', spec.selector, '`selector` not auto-generated');
  }
}

const fixed = [
  'completionMode',
  'podFailurePolicy',
  'backoffLimitPerIndex',
  'managedBy',
  'successPolicy',
] as const;

function* validateFixed(job: Job, old: Job): Iterable<FieldError> {
  const { spec } = job;
  if (spec.completionMode !== 'Indexed') {
    yield* unchanged(spec.completions, old.spec.completions, 'spec.completions');
  } else if (spec.completions !== old.spec.completions && spec.completions !== undefined) {
    if (spec.completions !== spec.parallelism) {
      yield invalidValue(
        'spec.completions',
        spec.completions,
        'can only be modified in tandem with spec.parallelism',
      );
    }
  }
  yield* unchanged(spec.selector, old.spec.selector, 'spec.selector');
  yield* validateTemplateChange(spec.template, old);
  for (const member of fixed) yield* unchanged(spec[member], old.spec[member], `spec.${member}`);
}

/** While a job is suspended, where its pods run and what they get may change. */
function* validateTemplateChange(template: PodTemplateSpec, old: Job): Iterable<FieldError> {
  const status = old.status ?? {};
  const isMutable =
    isSuspended(old) &&
    (!status.startTime || isTrue(status, 'Suspended')) &&
    (status.active ?? 0) === 0;
  const before = isMutable ? withPlacementOf(old.spec.template, template) : old.spec.template;
  if (!isMutable) yield* unchanged(template, before, 'spec.template');
  else yield* unchanged(template.spec, withResourcesOf(before, template), 'spec.template.spec');
}

function withPlacementOf(old: PodTemplateSpec, template: PodTemplateSpec): PodTemplateSpec {
  const { nodeAffinity, ...others } = template.spec.affinity ?? {};
  const { nodeAffinity: _, ...oldOthers } = old.spec.affinity ?? {};
  const spec = withMembersOf(old.spec, template.spec, [
    'nodeSelector',
    'tolerations',
    'schedulingGates',
  ]);
  const affinity = { ...oldOthers, ...(nodeAffinity && { nodeAffinity }) };
  const isAbsent =
    Object.keys(affinity).length === 0 &&
    (template.spec.affinity === undefined || Object.keys(others).length > 0);
  if (isAbsent || (template.spec.affinity === undefined && Object.keys(oldOthers).length === 0)) {
    const { affinity: __, ...rest } = spec;
    return { ...old, spec: rest };
  }
  return { ...old, spec: { ...spec, affinity } };
}

function withResourcesOf(old: PodTemplateSpec, template: PodTemplateSpec): PodTemplateSpec['spec'] {
  const { containers, initContainers = [] } = old.spec;
  const merged = mergeResources(containers, template.spec.containers);
  const mergedInit = mergeResources(initContainers, template.spec.initContainers ?? []);
  return {
    ...old.spec,
    containers: merged,
    ...(old.spec.initContainers && { initContainers: mergedInit }),
  };
}

function mergeResources(
  old: readonly Container[],
  containers: readonly Container[],
): readonly Container[] {
  if (old.length !== containers.length) return old;
  return old.map((container, index) => {
    const { name, resources } = containers[index]!;
    return container.name === name ? { ...container, resources } : container;
  });
}

function statusOf({ metadata, status }: Job): string {
  if (isTrue(status, 'Complete')) return 'Complete';
  if (isTrue(status, 'Failed')) return 'Failed';
  if (metadata.deletionTimestamp) return 'Terminating';
  const known = ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'];
  return known.find((type) => isTrue(status, type)) ?? 'Running';
}

function completionsOf({ spec, status }: Job): string {
  const { completions, parallelism = 0 } = spec;
  const { succeeded = 0 } = status;
  if (completions !== undefined) return `${succeeded}/${completions}`;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationOf({ status }: Job, now: number): string {
  const { startTime, completionTime } = status;
  if (!startTime) return '';
  const end = completionTime ? Date.parse(completionTime) : now;
  return humanDuration(end - Date.parse(startTime));
}
