import type { ValidatingAdmissionPolicy } from '#shared/api/types/admissionregistration-v1.ts';
import {
  validateExpression,
  validateVariables,
} from '#shared/api/admissionregistration/expressions.ts';
import { formatParamKind, validatePolicy } from '#shared/api/admissionregistration/policies.ts';
import { defaultMatchResources, oneOf } from '#shared/api/admissionregistration/rules.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import { bool, nullType, string, type CelType } from '#shared/cel/types.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, invalidValue, required } from '#shared/kube/field-error.ts';
import { byteLength, qualifiedName } from '#shared/kube/names.ts';
import { nameOf, validateConditions } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const validatingAdmissionPolicies = resource<ValidatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  singular: 'validatingadmissionpolicy',
  scope: 'Cluster',
  categories: ['api-extensions'],
  type: 'admissionregistration.v1.ValidatingAdmissionPolicy',
  storage: { prefix: '/registry/validatingadmissionpolicies' },
  subresources: [
    { name: 'status', kind: 'ValidatingAdmissionPolicy', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { generation: true },
  allowsUnconditionalUpdate: false,
  default({ spec }) {
    spec.failurePolicy ??= 'Fail';
    defaultMatchResources(spec.matchConstraints);
  },
  prepareForCreate(draft) {
    resetStatus(draft, 'admissionregistration.v1.ValidatingAdmissionPolicyStatus');
    startGeneration(draft);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    countSpecGeneration(draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  metadata: { onUpdate: ['create'], onStatusUpdate: [] },
  validate: (policy) => validateValidatingPolicy(policy, undefined),
  validateUpdate: (policy, old) => validateValidatingPolicy(policy, old),
  *validateStatusUpdate({ status: { typeChecking, conditions } }) {
    for (const [index, item] of (typeChecking?.expressionWarnings ?? []).entries()) {
      const path = `status.typeChecking.expressionWarnings[${index}]`;
      if (!item.warning) yield required(`${path}.warning`);
      if (!item.fieldRef?.trim()) yield required(`${path}.fieldRef`);
    }
    yield* validateConditions(conditions, 'status.conditions');
  },
  columns: [
    nameColumn,
    { name: 'Validations', type: 'integer', value: ({ spec }) => spec.validations?.length ?? 0 },
    { name: 'ParamKind', value: ({ spec }) => formatParamKind(spec.paramKind) },
    ageColumn,
  ],
});

type Policy = ValidatingAdmissionPolicy;
type Validation = NonNullable<Policy['spec']['validations']>[number];
type AuditAnnotation = NonNullable<Policy['spec']['auditAnnotations']>[number];

interface Known {
  readonly hasParams: boolean;
  readonly variables: Map<string, CelType>;
}

const mostAnnotations = 20;
const longestValueExpression = 5 * 1024;
const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const needsOne = 'validations or auditAnnotations must contain at least one item';

function* validateValidatingPolicy(
  { metadata, spec }: Policy,
  old: Policy | undefined,
): Iterable<FieldError> {
  yield* validatePolicy(spec, old?.spec, false);
  const { paramKind, variables, validations = [], auditAnnotations = [] } = spec;
  const hasParams = paramKind !== undefined;
  const known: Known = { hasParams, variables: new Map() };
  yield* validateVariables(variables, known.variables, { hasParams });
  if (validations.length === 0 && auditAnnotations.length === 0) {
    yield required('spec.validations', needsOne);
    yield required('spec.auditAnnotations', needsOne);
    return;
  }
  for (const [index, validation] of validations.entries()) {
    yield* validateValidation(validation, `spec.validations[${index}]`, known);
  }
  const field = 'spec.auditAnnotations';
  if (auditAnnotations.length > mostAnnotations) {
    const detail = `must not have more than ${mostAnnotations} auditAnnotations`;
    yield invalidValue(field, auditAnnotations, detail);
  }
  const keys = new Set<string>();
  for (const [index, annotation] of auditAnnotations.entries()) {
    const path = `${field}[${index}]`;
    const key = annotation.key ?? '';
    const name = nameOf(metadata);
    if (name) yield* invalidEach(`${path}.key`, `${name}/${key}`, qualifiedName(`${name}/${key}`));
    else yield invalidValue(`${path}.key`, key, 'requires metadata.name be non-empty');
    yield* validateValueExpression(annotation, `${path}.valueExpression`, known);
    if (keys.has(key)) yield duplicateValue(`${path}.key`, key);
    keys.add(key);
  }
}

function* validateValidation(
  { expression, messageExpression, message, reason }: Validation,
  field: string,
  known: Known,
): Iterable<FieldError> {
  if (expression?.trim())
    yield* validateExpression(expression, `${field}.expression`, { ...known, types: [bool] });
  else yield required(`${field}.expression`, 'expression is not specified');
  const empty = 'must be non-empty if specified';
  if (messageExpression) {
    const path = `${field}.messageExpression`;
    if (messageExpression.trim()) {
      const scope = { ...known, hasAuthorizer: false, types: [string] };
      yield* validateExpression(messageExpression, path, scope);
    } else yield invalidValue(path, messageExpression, empty);
  }
  if (message) {
    const path = `${field}.message`;
    if (!message.trim()) yield invalidValue(path, message, empty);
    else if (/[\n\r]/.test(message.trim())) {
      yield invalidValue(path, message, 'must not contain line breaks');
    }
  }
  yield* oneOf(reason, `${field}.reason`, reasons);
}

function* validateValueExpression(
  { valueExpression }: AuditAnnotation,
  field: string,
  known: Known,
): Iterable<FieldError> {
  const trimmed = (valueExpression ?? '').trim();
  if (!trimmed) yield required(field, 'valueExpression is not specified');
  else if (byteLength(trimmed) > longestValueExpression) {
    yield required(field, `must not exceed ${longestValueExpression} bytes in length`);
  } else yield* validateExpression(trimmed, field, { ...known, types: [string, nullType] });
}
