import type { LimitRange, LimitRangeItem } from '#shared/api/types/core-v1.ts';
import { createdAtColumn, nameColumn } from '#shared/api/columns.ts';
import { roundAmounts, withAmounts, type Amounts } from '#shared/api/core/amounts.ts';
import {
  isOvercommittable,
  validateContainerResourceName,
  validateResourceName,
} from '#shared/api/core/resource-names.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { compareAmounts, invalidEach } from '#shared/kube/checks.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  required,
} from '#shared/kube/field-error.ts';
import { qualifiedName } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';
import { mustParse } from '#shared/kube/quantity.ts';
import { resource } from '#shared/kube/resource.ts';

export const limitRanges = resource<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  singular: 'limitrange',
  scope: 'Namespaced',
  shortNames: ['limits'],
  type: 'core.v1.LimitRange',
  storage: { prefix: '/registry/limitranges' },
  default({ spec }) {
    for (const item of spec.limits ?? []) defaultLimits(item);
  },
  prepareForCreate({ metadata }) {
    if (!metadata.name) metadata.name = crypto.randomUUID();
  },
  metadata: { onUpdate: ['create'] },
  validate: validateLimits,
  validateUpdate: validateLimits,
  columns: [nameColumn, createdAtColumn],
});

const types = ['Pod', 'Container', 'PersistentVolumeClaim'];
const none: Amounts = Object.freeze({});

function defaultLimits(item: Draft<LimitRangeItem>): void {
  if (item.type === 'Container') {
    const limits = withAmounts(item.default, item.max ?? none);
    if (limits) item.default = limits;
    const requests = withAmounts(item.defaultRequest, { ...item.min, ...limits });
    if (requests) item.defaultRequest = requests;
  }
  for (const member of [
    'max',
    'min',
    'default',
    'defaultRequest',
    'maxLimitRequestRatio',
  ] as const) {
    roundAmounts(item[member]);
  }
}

function* validateLimits({ spec }: LimitRange): Iterable<FieldError> {
  const seen = new Set<string>();
  for (const [index, limit] of (spec.limits ?? []).entries()) {
    const path = `spec.limits[${index}]`;
    const { type } = limit;
    const problems = qualifiedName(type);
    yield* invalidEach(`${path}.type`, type, problems);
    if (problems.length === 0 && !type.includes('/') && !types.includes(type)) {
      yield invalidValue(`${path}.type`, type, 'must be a standard limit type or fully qualified');
    }
    if (seen.has(type)) yield duplicateValue(`${path}.type`, type);
    seen.add(type);
    yield* validateItem(limit, path);
  }
}

function* validateItem(limit: LimitRangeItem, path: string): Iterable<FieldError> {
  const { type, min = none, max = none } = limit;
  yield* validateNames(limit, path, ['max', 'min']);
  if (type === 'Pod') {
    for (const member of ['default', 'defaultRequest'] as const) {
      if (Object.keys(limit[member] ?? none).length === 0) continue;
      yield forbiddenValue(`${path}.${member}`, "may not be specified when `type` is 'Pod'");
    }
  } else yield* validateNames(limit, path, ['default', 'defaultRequest']);
  if (type === 'PersistentVolumeClaim' && !min['storage'] && !max['storage']) {
    yield required(
      `${path}.limits`,
      'either minimum or maximum storage value is required, but neither was provided',
    );
  }
  yield* validateNames(limit, path, ['maxLimitRequestRatio']);
  const { default: limits = none, defaultRequest: requests = none } = limit;
  const names = [max, min, ...(type === 'Pod' ? [] : [limits, requests])]
    .concat(limit.maxLimitRequestRatio ?? none)
    .flatMap((amounts) => Object.keys(amounts));
  for (const name of new Set(names)) {
    yield* validateBounds(limit, name, path);
    yield* validateRatio(limit, name, `${path}.maxLimitRequestRatio[${name}]`);
    yield* validateOvercommit(limit, name, path);
  }
}

type Member = 'default' | 'defaultRequest' | 'max' | 'maxLimitRequestRatio' | 'min';

function* validateNames(
  limit: LimitRangeItem,
  path: string,
  members: readonly Member[],
): Iterable<FieldError> {
  const isOfContainers = limit.type === 'Pod' || limit.type === 'Container';
  for (const member of members) {
    for (const name of Object.keys(limit[member] ?? none)) {
      const field = `${path}.${member}[${name}]`;
      yield* isOfContainers
        ? validateContainerResourceName(name, field)
        : validateResourceName(name, field);
    }
  }
}

/** Smaller and greater with the words that upstream has for them. */
const bounds = [
  ['min', 'max', 'min value', 'max value', 'min', 'min'],
  [
    'min',
    'defaultRequest',
    'min value',
    'default request value',
    'defaultRequest',
    'defaultRequest',
  ],
  [
    'defaultRequest',
    'max',
    'default request value',
    'max value',
    'defaultRequest',
    'defaultRequest',
  ],
  [
    'defaultRequest',
    'default',
    'default request value',
    'default limit value',
    'defaultRequest',
    'defaultRequest',
  ],
  ['min', 'default', 'min value', 'default value', 'default', 'min'],
  ['default', 'max', 'default value', 'max value', 'default', 'max'],
] as const;

function* validateBounds(limit: LimitRangeItem, name: string, path: string): Iterable<FieldError> {
  for (const [lower, upper, lowerWords, upperWords, field, shown] of bounds) {
    const isIgnored = limit.type === 'Pod' && /default/.test(lower + upper);
    const low = limit[lower]?.[name];
    const high = limit[upper]?.[name];
    if (isIgnored || low === undefined || high === undefined) continue;
    if (compareAmounts(low, high) <= 0) continue;
    yield invalidValue(
      `${path}.${field}[${name}]`,
      limit[shown]?.[name],
      `${lowerWords} ${low} is greater than ${upperWords} ${high}`,
    );
  }
}

function* validateRatio(
  { maxLimitRequestRatio, min, max }: LimitRangeItem,
  name: string,
  field: string,
): Iterable<FieldError> {
  const ratio = maxLimitRequestRatio?.[name];
  if (ratio === undefined) return;
  if (compareAmounts(ratio, '1') < 0) {
    yield invalidValue(field, ratio, `ratio ${ratio} is less than 1`);
  }
  const low = min?.[name];
  const high = max?.[name];
  if (low === undefined || high === undefined) return;
  const limit = Number(mustParse(high).nanos) / Number(mustParse(low).nanos);
  if (Number(mustParse(ratio).nanos) / 1e9 > limit) {
    yield invalidValue(
      field,
      ratio,
      `ratio ${ratio} is greater than max/min = ${limit.toFixed(6)}`,
    );
  }
}

function* validateOvercommit(
  { type, default: limits, defaultRequest: requests }: LimitRangeItem,
  name: string,
  path: string,
): Iterable<FieldError> {
  const limit = limits?.[name];
  const request = requests?.[name];
  if (type === 'Pod' || limit === undefined || request === undefined) return;
  if (isOvercommittable(name) || compareAmounts(limit, request) === 0) return;
  yield invalidValue(
    `${path}.defaultRequest[${name}]`,
    request,
    `default value ${limit} must equal to defaultRequest value ${request} in ${name}`,
  );
}
