import type { PriorityClass } from '#shared/api/types/scheduling-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { startGeneration } from '#shared/api/strategies.ts';
import { unchanged } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { nameOf } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const priorityClasses = resource<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  singular: 'priorityclass',
  scope: 'Cluster',
  shortNames: ['pc'],
  type: 'scheduling.v1.PriorityClass',
  storage: { prefix: '/registry/priorityclasses' },
  lifecycle: { generation: true },
  default(draft) {
    draft.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  prepareForCreate: startGeneration,
  *validate(priorityClass) {
    const { metadata, value, preemptionPolicy: policy } = priorityClass;
    if (nameOf(metadata).startsWith(systemPrefix)) yield* validateSystemClass(priorityClass);
    else if (value > highestForUsers) {
      yield forbiddenValue(
        'value',
        `maximum allowed value of a user defined priority is ${highestForUsers}`,
      );
    }
    if (policy === '') yield required('preemptionPolicy');
    else if (policy !== undefined && !policies.includes(policy)) {
      yield notOneOf('preemptionPolicy', policy, policies);
    }
  },
  *validateUpdate({ value, preemptionPolicy }, old) {
    if (value !== old.value) yield forbiddenValue('value', 'may not be changed in an update.');
    yield* unchanged(preemptionPolicy, old.preemptionPolicy, 'preemptionPolicy');
  },
  columns: [
    nameColumn,
    { name: 'Value', type: 'integer', value: ({ value }) => value },
    {
      name: 'Global-Default',
      type: 'boolean',
      value: ({ globalDefault }) => globalDefault ?? false,
    },
    ageColumn,
    { name: 'PreemptionPolicy', value: ({ preemptionPolicy }) => preemptionPolicy ?? '' },
  ],
});

const systemPrefix = 'system-';
const highestForUsers = 1_000_000_000;
const policies = ['PreemptLowerPriority', 'Never'];
const systemClasses: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

function* validateSystemClass({
  metadata: { name },
  value,
  globalDefault,
}: PriorityClass): Iterable<FieldError> {
  const expected = systemClasses[name];
  let problem = '';
  if (expected === undefined) problem = `${name} is not a known system priority class`;
  else if (value !== expected) problem = `value of ${name} PriorityClass must be ${expected}`;
  else if (globalDefault) problem = `globalDefault of ${name} PriorityClass must be false`;
  if (!problem) return;
  yield forbiddenValue(
    'metadata.name',
    `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${problem}`,
  );
}
