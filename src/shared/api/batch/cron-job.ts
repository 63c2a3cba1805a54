import type { CronJob } from '#shared/api/types/batch-v1.ts';
import { ageColumn, formatSelector, nameColumn, orNone, since } from '#shared/api/columns.ts';
import { validateJobSpec } from '#shared/api/batch/job-spec.ts';
import { defaultJobTemplate } from '#shared/api/batch/job.ts';
import { podAllowances } from '#shared/api/core/pod/allowances.ts';
import { strict, type PodAllowances } from '#shared/api/core/pod/context.ts';
import { dropDisabledFields } from '#shared/api/core/pod/disabled-fields.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import { scheduleProblem } from '#shared/kube/cron-syntax.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { nonNegative } from '#shared/kube/checks.ts';
import { timeZoneProblem } from '#shared/kube/time-zone.ts';
import { invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { nameOf } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const cronJobs = resource<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  singular: 'cronjob',
  scope: 'Namespaced',
  shortNames: ['cj'],
  categories: ['all'],
  type: 'batch.v1.CronJob',
  storage: { prefix: '/registry/cronjobs' },
  subresources: [{ name: 'status', kind: 'CronJob', verbs: ['get', 'patch', 'update'] }],
  lifecycle: { generation: true },
  default({ spec }) {
    if (!spec.concurrencyPolicy) spec.concurrencyPolicy = 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    defaultJobTemplate(spec.jobTemplate.spec);
  },
  prepareForCreate(draft) {
    resetStatus(draft, 'batch.v1.CronJobStatus');
    startGeneration(draft);
    dropDisabledFields(draft.spec.jobTemplate.spec.template.spec, undefined);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    const { template } = old.spec.jobTemplate.spec;
    dropDisabledFields(draft.spec.jobTemplate.spec.template.spec, template.spec);
    countSpecGeneration(draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  metadata: { onStatusUpdate: [] },
  *validate({ metadata, spec }) {
    yield* validateSpec(spec, undefined, strict);
    // The name and a timestamp make the names of Jobs.
    if (nameOf(metadata).length > 52) {
      yield invalidValue('metadata.name', metadata.name, 'must be no more than 52 characters');
    }
  },
  validateUpdate({ spec }, old) {
    const { template } = old.spec.jobTemplate.spec;
    const allows = podAllowances(template.spec, template.metadata, { isPod: false });
    return validateSpec(spec, old.spec, allows);
  },
  columns: [
    nameColumn,
    { name: 'Schedule', value: ({ spec }) => spec.schedule },
    { name: 'Timezone', value: ({ spec }) => orNone(spec.timeZone) },
    {
      name: 'Suspend',
      type: 'boolean',
      value: ({ spec }) => (spec.suspend ? 'True' : 'False'),
    },
    { name: 'Active', type: 'integer', value: ({ status }) => status?.active?.length ?? 0 },
    {
      name: 'Last Schedule',
      value: ({ status }, now) =>
        status?.lastScheduleTime ? since(status.lastScheduleTime, now) : '<none>',
    },
    ageColumn,
    {
      name: 'Containers',
      priority: 1,
      value: ({ spec }) =>
        spec.jobTemplate.spec.template.spec.containers.map(({ name }) => name).join(','),
    },
    {
      name: 'Images',
      priority: 1,
      value: ({ spec }) =>
        spec.jobTemplate.spec.template.spec.containers.map(({ image }) => image ?? '').join(','),
    },
    {
      name: 'Selector',
      priority: 1,
      value: ({ spec }) => formatSelector(spec.jobTemplate.spec.selector),
    },
  ],
});

type Spec = CronJob['spec'];

function* validateSpec(
  spec: Spec,
  old: Spec | undefined,
  allows: PodAllowances,
): Iterable<FieldError> {
  if (spec.schedule) yield* validateSchedule(spec, old);
  else yield required('spec.schedule');
  yield* nonNegative(spec.startingDeadlineSeconds, 'spec.startingDeadlineSeconds');
  if (!old || old.timeZone !== spec.timeZone) yield* validateTimeZone(spec.timeZone);
  const policies = ['Allow', 'Forbid', 'Replace'];
  const { concurrencyPolicy: policy = '', jobTemplate } = spec;
  if (!policy) yield required('spec.concurrencyPolicy');
  else if (!policies.includes(policy)) {
    yield notOneOf('spec.concurrencyPolicy', policy, policies);
  }
  yield* validateJobSpec(jobTemplate.spec, 'spec.jobTemplate.spec', allows);
  const { selector, manualSelector } = jobTemplate.spec;
  if (selector) {
    yield invalidValue(
      'spec.jobTemplate.spec.selector',
      selector,
      '`selector` will be auto-generated',
    );
  }
  if (manualSelector) {
    yield notOneOf('spec.jobTemplate.spec.manualSelector', manualSelector, ['nil', 'false']);
  }
  yield* nonNegative(spec.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit');
  yield* nonNegative(spec.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit');
}

function* validateSchedule(
  { schedule, timeZone }: Spec,
  old: Spec | undefined,
): Iterable<FieldError> {
  const field = 'spec.schedule';
  const problem = scheduleProblem(schedule);
  if (problem) yield invalidValue(field, schedule, problem);
  if (!schedule.includes('TZ')) return;
  if (!old?.schedule.includes('TZ')) {
    yield invalidValue(
      field,
      schedule,
      'cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    );
  } else if (timeZone !== undefined) {
    yield invalidValue(
      field,
      schedule,
      'cannot use both timeZone field and TZ or CRON_TZ in schedule',
    );
  }
}

function* validateTimeZone(name: string | undefined): Iterable<FieldError> {
  const field = 'spec.timeZone';
  if (name === undefined) return;
  if (!name) {
    yield invalidValue(field, name, 'timeZone must be nil or non-empty string');
    return;
  }
  const isName = (part: string): boolean =>
    part !== '.' && part !== '..' && /^(?!-)[A-Za-z.\-_0-9+]{1,14}$/.test(part);
  if (!name.split('/').every(isName)) {
    yield invalidValue(field, name, `unknown time zone ${name}`);
    return;
  }
  if (name.toLowerCase() === 'local') {
    yield invalidValue(
      field,
      name,
      'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
    );
    if (name === 'Local') return;
  }
  const problem = timeZoneProblem(name);
  if (problem) yield invalidValue(field, name, problem);
}
