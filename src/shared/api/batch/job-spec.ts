import type {
  Job,
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from '#shared/api/types/batch-v1.ts';
import { indexCount } from '#shared/api/batch/indexes.ts';
import type { PodAllowances } from '#shared/api/core/pod/context.ts';
import { validatePodTemplate } from '#shared/api/core/pod/spec.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, nonNegative } from '#shared/kube/checks.ts';
import {
  duplicateValue,
  invalidUnshown,
  invalidValue,
  notOneOf,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '#shared/kube/field-error.ts';
import {
  byteLength,
  dns1123Subdomain,
  httpPathProblem,
  qualifiedName,
} from '#shared/kube/names.ts';

const manyIndexes = 100_000;
const manyAtOnce = 10_000;
const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const indexedOnly = 'requires indexed completion mode';

const counts = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
] as const;

/** What Jobs and the templates of CronJobs have alike. */
export function* validateJobSpec(
  spec: JobSpec,
  field: string,
  allows: PodAllowances,
): Iterable<FieldError> {
  for (const member of counts) yield* nonNegative(spec[member], `${field}.${member}`);
  if (spec.maxFailedIndexes !== undefined) {
    yield* nonNegative(spec.maxFailedIndexes, `${field}.maxFailedIndexes`);
    if (spec.backoffLimitPerIndex === undefined) {
      yield required(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified');
    }
  }
  if (spec.managedBy !== undefined) yield* validateManager(spec.managedBy, `${field}.managedBy`);
  yield* validateMode(spec, field);
  if (spec.podFailurePolicy) yield* validateFailurePolicy(spec, `${field}.podFailurePolicy`);
  if (spec.successPolicy) yield* validateSuccessPolicy(spec, `${field}.successPolicy`);
  yield* validateReplacement(spec, `${field}.podReplacementPolicy`);
  yield* validatePodTemplate(spec.template, `${field}.template`, allows);
  yield* validateRestartPolicy(spec, `${field}.template.spec.restartPolicy`);
}

/** `example.com/controller`, as long as a label at most. */
function* validateManager(name: string, field: string): Iterable<FieldError> {
  if (!name) {
    yield required(field);
    return;
  }
  const slash = name.indexOf('/');
  const [host, path] = [name.slice(0, slash), name.slice(slash + 1)];
  if (slash <= 0 || !path) {
    yield invalidValue(field, name, 'must be a domain-prefixed path (such as "acme.io/foo")');
  } else {
    yield* invalidEach(field, host, dns1123Subdomain(host));
    const problem = httpPathProblem(path);
    if (problem) yield invalidValue(field, path, problem);
  }
  if (byteLength(name) > 63) yield tooLong(field, 63);
}

function* validateMode(spec: JobSpec, field: string): Iterable<FieldError> {
  const { completionMode: mode } = spec;
  const modes = ['NonIndexed', 'Indexed'];
  if (mode !== undefined && !modes.includes(mode)) {
    yield notOneOf(`${field}.completionMode`, mode, modes);
  }
  if (mode === 'Indexed') yield* validateIndexed(spec, field);
  if (mode !== undefined && mode !== 'NonIndexed') return;
  for (const member of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
    if (spec[member] !== undefined) {
      yield invalidValue(`${field}.${member}`, spec[member], indexedOnly);
    }
  }
}

function* validateIndexed(spec: JobSpec, field: string): Iterable<FieldError> {
  const { completions, parallelism = 0, maxFailedIndexes: failed } = spec;
  if (completions === undefined) {
    yield required(`${field}.completions`, 'when completion mode is Indexed');
  }
  if (parallelism > manyIndexes) {
    yield invalidValue(
      `${field}.parallelism`,
      parallelism,
      `must be less than or equal to ${manyIndexes} when completion mode is Indexed`,
    );
  }
  if (completions !== undefined && failed !== undefined && failed > completions) {
    yield invalidValue(
      `${field}.maxFailedIndexes`,
      failed,
      'must be less than or equal to completions',
    );
  }
  if (failed !== undefined && failed > manyIndexes) {
    yield invalidValue(
      `${field}.maxFailedIndexes`,
      failed,
      `must be less than or equal to ${manyIndexes}`,
    );
  }
  if ((completions ?? 0) <= manyIndexes || spec.backoffLimitPerIndex === undefined) return;
  const tooMuch = `must be less than or equal to ${manyAtOnce} when completions are above ${manyIndexes} and used with backoff limit per index`;
  if (failed === undefined) {
    yield required(
      `${field}.maxFailedIndexes`,
      `must be specified when completions is above ${manyIndexes}`,
    );
  }
  if (parallelism > manyAtOnce) yield invalidValue(`${field}.parallelism`, parallelism, tooMuch);
  if (failed !== undefined && failed > manyAtOnce) {
    yield invalidValue(`${field}.maxFailedIndexes`, failed, tooMuch);
  }
}

function* validateReplacement(
  { podReplacementPolicy: policy, podFailurePolicy }: JobSpec,
  field: string,
): Iterable<FieldError> {
  if (policy === undefined) return;
  const supported = podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  if (!supported.includes(policy)) yield notSupported(field, policy, supported);
}

function* validateRestartPolicy(
  { template, podFailurePolicy }: JobSpec,
  field: string,
): Iterable<FieldError> {
  const policy = template.spec.restartPolicy ?? '';
  if (policy === 'Always' || policy === '') {
    yield required(field, 'valid values: "OnFailure", "Never"');
  } else if (policy !== 'OnFailure' && policy !== 'Never') {
    yield notOneOf(field, policy, ['OnFailure', 'Never']);
  } else if (podFailurePolicy && policy !== 'Never') {
    yield invalidValue(
      field,
      policy,
      'only "Never" is supported when podFailurePolicy is specified',
    );
  }
}

function* validateFailurePolicy(spec: JobSpec, field: string): Iterable<FieldError> {
  const rules = spec.podFailurePolicy?.rules ?? [];
  if (rules.length > 20) yield tooMany(`${field}.rules`, rules.length, 20);
  const { containers, initContainers = [] } = spec.template.spec;
  const names = new Set([...(containers ?? []), ...initContainers].map(({ name }) => name));
  for (const [index, rule] of rules.entries()) {
    yield* validateFailureRule(rule, `${field}.rules[${index}]`, spec, names);
  }
}

function* validateFailureRule(
  { action, onExitCodes, onPodConditions = [] }: PodFailurePolicyRule,
  field: string,
  { backoffLimitPerIndex }: JobSpec,
  containers: ReadonlySet<string>,
): Iterable<FieldError> {
  if (!action) yield required(`${field}.action`, validValues(actions));
  else if (action === 'FailIndex') {
    if (backoffLimitPerIndex === undefined) {
      yield invalidValue(`${field}.action`, action, 'requires the backoffLimitPerIndex to be set');
    }
  } else if (!actions.includes(action)) yield notSupported(`${field}.action`, action, actions);
  if (onExitCodes) yield* validateExitCodes(onExitCodes, `${field}.onExitCodes`, containers);
  yield* validateConditions(onPodConditions, `${field}.onPodConditions`);
  if (onExitCodes && onPodConditions.length > 0) {
    yield invalidUnshown(field, 'specifying both OnExitCodes and OnPodConditions is not supported');
  }
  if (!onExitCodes && onPodConditions.length === 0) {
    yield invalidUnshown(field, 'specifying one of OnExitCodes and OnPodConditions is required');
  }
}

function* validateConditions(
  patterns: readonly PodFailurePolicyOnPodConditionsPattern[],
  field: string,
): Iterable<FieldError> {
  const statuses = ['False', 'True', 'Unknown'];
  if (patterns.length > 20) yield tooMany(field, patterns.length, 20);
  for (const [index, { type, status }] of patterns.entries()) {
    yield* invalidEach(`${field}[${index}].type`, type, qualifiedName(type));
    const path = `${field}[${index}].status`;
    if (!status) yield required(path, validValues(statuses));
    else if (!statuses.includes(status)) yield notSupported(path, status, statuses);
  }
}

function* validateExitCodes(
  { operator, containerName, values }: PodFailurePolicyOnExitCodesRequirement,
  field: string,
  containers: ReadonlySet<string>,
): Iterable<FieldError> {
  const operators = ['In', 'NotIn'];
  if (!operator) yield required(`${field}.operator`, validValues(operators));
  else if (!operators.includes(operator)) {
    yield notSupported(`${field}.operator`, operator, operators);
  }
  if (containerName !== undefined && !containers.has(containerName)) {
    yield invalidValue(
      `${field}.containerName`,
      containerName,
      'must be one of the container or initContainer names in the pod template',
    );
  }
  const path = `${field}.values`;
  if (!values?.length) {
    yield invalidValue(path, values ?? null, 'at least one value is required');
    return;
  }
  if (values.length > 255) yield tooMany(path, values.length, 255);
  const seen = new Set<number>();
  for (const [index, value] of values.entries()) {
    if (operator === 'In' && value === 0) {
      yield invalidValue(`${path}[${index}]`, value, 'must not be 0 for the In operator');
    }
    if (seen.has(value)) yield duplicateValue(`${path}[${index}]`, value);
    seen.add(value);
  }
  if (values.some((value, index) => index > 0 && values[index - 1]! > value)) {
    yield invalidValue(path, values, 'must be ordered');
  }
}

function validValues(values: readonly string[]): string {
  return `valid values: [${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}

function* validateSuccessPolicy(spec: JobSpec, field: string): Iterable<FieldError> {
  const { successPolicy } = spec;
  if (spec.completionMode !== 'Indexed') {
    yield invalidValue(field, successPolicy, indexedOnly);
    return;
  }
  const rules = successPolicy?.rules ?? [];
  if (rules.length === 0) {
    yield required(
      `${field}.rules`,
      'at least one rules must be specified when the successPolicy is specified',
    );
  }
  if (rules.length > 20) yield tooMany(`${field}.rules`, rules.length, 20);
  for (const [index, rule] of rules.entries()) {
    yield* validateSuccessRule(rule, `${field}.rules[${index}]`, spec.completions ?? 0);
  }
}

function* validateSuccessRule(
  { succeededCount: count, succeededIndexes: indexes }: SuccessPolicyRule,
  field: string,
  completions: number,
): Iterable<FieldError> {
  if (count === undefined && indexes === undefined) {
    yield required(field, 'at least one of succeededCount or succeededIndexes must be specified');
  }
  let total = 0;
  if (indexes !== undefined) {
    const path = `${field}.succeededIndexes`;
    if (byteLength(indexes) > 64 * 1024) yield tooLong(path, 64 * 1024);
    const counted = indexCount(indexes, completions);
    if (typeof counted === 'number') total = counted;
    else yield invalidValue(path, indexes, `error parsing succeededIndexes: ${counted}`);
  }
  if (count === undefined) return;
  const path = `${field}.succeededCount`;
  yield* nonNegative(count, path);
  if (count > completions) {
    yield invalidValue(
      path,
      count,
      `must be less than or equal to ${completions} (the number of specified completions)`,
    );
  }
  if (indexes !== undefined && count > total) {
    yield invalidValue(
      path,
      count,
      `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`,
    );
  }
}

/** The names under which a Job marks its pods; the plain ones are older. */
export const jobLabels = {
  controllerUid: ['controller-uid', 'batch.kubernetes.io/controller-uid'],
  jobName: ['job-name', 'batch.kubernetes.io/job-name'],
} as const;

export function isSuspended({ spec }: Job): boolean {
  return spec.suspend === true;
}
