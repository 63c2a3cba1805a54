import type { ResourceQuota, ResourceQuotaSpec } from '#shared/api/types/core-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { roundAmounts } from '#shared/api/core/amounts.ts';
import {
  isQuotaResource,
  validateQuotaResourceName,
  validateResourceAmount,
} from '#shared/api/core/resource-names.ts';
import { keep, resetStatus } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { isImmutable } from '#shared/kube/checks.ts';
import { invalidValue, required } from '#shared/kube/field-error.ts';
import { resource } from '#shared/kube/resource.ts';

export const resourceQuotas = resource<ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  singular: 'resourcequota',
  scope: 'Namespaced',
  shortNames: ['quota'],
  type: 'core.v1.ResourceQuota',
  storage: { prefix: '/registry/resourcequotas' },
  subresources: [{ name: 'status', kind: 'ResourceQuota', verbs: ['get', 'patch', 'update'] }],
  lifecycle: { deleteReturnsObject: true },
  default({ spec, status }) {
    roundAmounts(spec?.hard);
    roundAmounts(status?.hard);
    roundAmounts(status?.used);
  },
  prepareForCreate: (draft) => resetStatus(draft, 'core.v1.ResourceQuotaStatus'),
  prepareForUpdate: (draft, old) => keep('status', draft, old),
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  validate: ({ spec }) => validateSpec(spec),
  *validateUpdate({ spec }, old) {
    yield* validateSpec(spec);
    const scopes = new Set(spec.scopes);
    const oldScopes = new Set(old.spec.scopes);
    if (scopes.size !== oldScopes.size || !scopes.isSubsetOf(oldScopes)) {
      yield invalidValue('spec.scopes', spec.scopes, isImmutable);
    }
  },
  *validateStatusUpdate({ status }) {
    yield* validateAmounts(status?.hard, 'status.hard');
    yield* validateAmounts(status?.used, 'status.used');
  },
  columns: [
    nameColumn,
    { name: 'Request', value: (quota) => usage(quota, (name) => !name.startsWith('limits.')) },
    { name: 'Limit', value: (quota) => usage(quota, (name) => name.startsWith('limits.')) },
    ageColumn,
  ],
});

type Amounts = Readonly<Record<string, string>>;

const podScopes = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort'];
const scopes = [
  ...podScopes,
  'PriorityClass',
  'VolumeAttributesClass',
  'CrossNamespacePodAffinity',
];
const existsOnly = new Set([...podScopes, 'CrossNamespacePodAffinity']);
const podResources = new Set([
  'pods',
  'cpu',
  'memory',
  'limits.cpu',
  'limits.memory',
  'requests.cpu',
  'requests.memory',
]);

function usage({ status }: ResourceQuota, isWanted: (name: string) => boolean): string {
  return Object.entries(status?.hard ?? {})
    .filter(([name]) => isWanted(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, hard]) => `${name}: ${status?.used?.[name] ?? '0'}/${hard}`)
    .join(', ');
}

function* validateAmounts(amounts: Amounts | undefined, field: string): Iterable<FieldError> {
  for (const [name, amount] of Object.entries(amounts ?? {})) {
    const path = `${field}[${name}]`;
    yield* validateQuotaResourceName(name, path);
    yield* validateResourceAmount(name, amount, path);
  }
}

function* validateSpec(spec: ResourceQuotaSpec): Iterable<FieldError> {
  yield* validateAmounts(spec.hard, 'spec.hard');
  const hard = Object.keys(spec.hard ?? {}).sort();
  yield* validateScopes(spec.scopes ?? [], hard);
  if (spec.scopeSelector) yield* validateSelector(spec, hard);
}

function* validateScopes(given: readonly string[], hard: readonly string[]): Iterable<FieldError> {
  const field = 'spec.scopes';
  for (const scope of given) {
    if (!scopes.includes(scope)) yield invalidValue(field, given, 'unsupported scope');
    for (const name of hard) {
      if (isQuotaResource(name) && !fits(scope, name)) {
        yield invalidValue(field, given, 'unsupported scope applied to resource');
      }
    }
  }
  yield* conflicts(given, field, given);
}

function* conflicts(given: readonly string[], field: string, shown: unknown): Iterable<FieldError> {
  for (const [a, b] of [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ] as const) {
    if (given.includes(a) && given.includes(b)) {
      yield invalidValue(field, shown, 'conflicting scopes');
    }
  }
}

/** Which resources a scope can limit. */
function fits(scope: string, name: string): boolean {
  if (scope === 'BestEffort') return name === 'pods';
  if (scope === 'VolumeAttributesClass') {
    return name === 'persistentvolumeclaims' || name === 'requests.storage';
  }
  return !scopes.includes(scope) || podResources.has(name);
}

function* validateSelector(
  { scopeSelector, scopes: given }: ResourceQuotaSpec,
  hard: readonly string[],
): Iterable<FieldError> {
  const field = 'spec.scopeSelector.matchExpressions';
  const expressions = scopeSelector?.matchExpressions ?? [];
  for (const { scopeName, operator, values = [] } of expressions) {
    if (!scopes.includes(scopeName)) {
      yield invalidValue(`${field}.scopeName`, scopeName, 'unsupported scope');
    }
    for (const name of hard) {
      if (isQuotaResource(name) && !fits(scopeName, name)) {
        yield invalidValue(field, scopeSelector, 'unsupported scope applied to resource');
      }
    }
    if (existsOnly.has(scopeName) && operator !== 'Exists') {
      yield invalidValue(
        `${field}.operator`,
        operator,
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      );
    }
    yield* validateOperator(operator, values, field);
  }
  const names = expressions.map(({ scopeName }) => scopeName);
  yield* conflicts(names, field, given);
}

function* validateOperator(
  operator: string,
  values: readonly string[],
  field: string,
): Iterable<FieldError> {
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) {
      yield required(
        `${field}.values`,
        "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
      );
    }
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) {
      yield invalidValue(
        `${field}.values`,
        values,
        "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
      );
    }
  } else yield invalidValue(`${field}.operator`, operator, 'not a valid selector operator');
}
