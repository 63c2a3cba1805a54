import type { MatchResources, ParamRef } from '#shared/api/types/admissionregistration-v1.ts';
import { validateMatchResources } from '#shared/api/admissionregistration/rules.ts';
import { ageColumn, nameColumn, selectorText } from '#shared/api/columns.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { dns1123Subdomain, pathSegment } from '#shared/kube/names.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { validateLabelSelector } from '#shared/kube/object-meta.ts';
import type { Column } from '#shared/kube/resource.ts';

/** What bindings of validating and of mutating policies share. */

interface BindingSpec {
  readonly policyName?: string;
  readonly paramRef?: ParamRef;
  readonly matchResources?: MatchResources;
}

const notFoundActions = ['Deny', 'Allow'];
const exclusive = 'name and selector are mutually exclusive';

export function* validatePolicyBinding({
  policyName,
  paramRef,
  matchResources,
}: BindingSpec): Iterable<FieldError> {
  if (policyName) yield* invalidEach('spec.policyName', policyName, dns1123Subdomain(policyName));
  else yield required('spec.policyName');
  if (paramRef) yield* validateParamRef(paramRef, 'spec.paramRef');
  yield* validateMatchResources(matchResources, 'spec.matchResources');
}

function* validateParamRef(
  { name, selector, parameterNotFoundAction: action }: ParamRef,
  field: string,
): Iterable<FieldError> {
  if (name) {
    yield* invalidEach(`${field}.name`, name, pathSegment(name));
    if (selector) yield forbiddenValue(`${field}.name`, exclusive);
  }
  if (selector) {
    yield* validateLabelSelector(selector, `${field}.selector`);
    if (name) yield forbiddenValue(`${field}.selector`, exclusive);
  }
  if (!name && !selector) yield required(field, 'one of name or selector must be specified');
  const path = `${field}.parameterNotFoundAction`;
  if (!action) yield required(path);
  else if (!notFoundActions.includes(action)) yield notOneOf(path, action, notFoundActions);
}

export const policyBindingColumns: readonly Column<KubeObject & { readonly spec: BindingSpec }>[] =
  [
    nameColumn,
    { name: 'PolicyName', value: ({ spec }) => spec.policyName ?? '' },
    { name: 'ParamRef', value: ({ spec }) => formatParamRef(spec.paramRef) },
    ageColumn,
  ];

function formatParamRef(reference: ParamRef | undefined): string {
  if (!reference) return '<unset>';
  const { name, namespace, selector } = reference;
  if (name) return `${namespace || '*'}/${name}`;
  return selector ? selectorText(selector) : '<unset>';
}
