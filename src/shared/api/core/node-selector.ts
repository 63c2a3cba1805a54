import type {
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
} from '#shared/api/types/core-v1.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { forbiddenValue, invalidValue, required } from '#shared/kube/field-error.ts';
import { labelValue, nameIsDnsSubdomain } from '#shared/kube/names.ts';
import { validateLabelName } from '#shared/kube/object-meta.ts';

export interface NodeSelectorRules {
  readonly allowsInvalidValues?: boolean;
}

export function* validateNodeSelector(
  { nodeSelectorTerms }: NodeSelector,
  field: string,
  rules: NodeSelectorRules = {},
): Iterable<FieldError> {
  const path = `${field}.nodeSelectorTerms`;
  if (!nodeSelectorTerms?.length) {
    yield required(path, 'must have at least one node selector term');
    return;
  }
  for (const [index, term] of nodeSelectorTerms.entries()) {
    yield* validateNodeSelectorTerm(term, `${path}[${index}]`, rules);
  }
}

export function* validateNodeSelectorTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  field: string,
  rules: NodeSelectorRules,
): Iterable<FieldError> {
  for (const [index, requirement] of matchExpressions.entries()) {
    yield* validateExpression(requirement, `${field}.matchExpressions[${index}]`, rules);
  }
  for (const [index, requirement] of matchFields.entries()) {
    yield* validateField(requirement, `${field}.matchFields[${index}]`);
  }
}

function* validateExpression(
  { key, operator, values = [] }: NodeSelectorRequirement,
  field: string,
  { allowsInvalidValues = false }: NodeSelectorRules,
): Iterable<FieldError> {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        yield required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        yield forbiddenValue(
          `${field}.values`,
          "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        );
      }
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        yield required(
          `${field}.values`,
          "must be specified single value when `operator` is 'Lt' or 'Gt'",
        );
      }
      break;
    default:
      yield invalidValue(`${field}.operator`, operator, 'not a valid selector operator');
  }
  yield* validateLabelName(key, `${field}.key`);
  if (allowsInvalidValues) return;
  for (const [index, value] of values.entries()) {
    yield* invalidEach(`${field}.values[${index}]`, value, labelValue(value));
  }
}

function* validateField(
  { key, operator, values = [] }: NodeSelectorRequirement,
  field: string,
): Iterable<FieldError> {
  if (operator !== 'In' && operator !== 'NotIn') {
    yield invalidValue(`${field}.operator`, operator, 'not a valid selector operator');
  } else if (values.length !== 1) {
    yield required(
      `${field}.values`,
      "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
    );
  }
  if (key !== 'metadata.name') {
    yield invalidValue(`${field}.key`, key, 'not a valid field selector key');
    return;
  }
  for (const [index, value] of values.entries()) {
    yield* invalidEach(`${field}.values[${index}]`, value, nameIsDnsSubdomain(value));
  }
}
