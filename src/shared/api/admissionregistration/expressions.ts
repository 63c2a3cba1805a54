import type {
  MatchCondition,
  ParamKind,
  Variable,
} from '#shared/api/types/admissionregistration-v1.ts';
import { celProblem } from '#shared/kube/cel-check.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, invalidValue, required, tooMany } from '#shared/kube/field-error.ts';
import { dns1035Label, dns1123Subdomain, qualifiedName } from '#shared/kube/names.ts';

const mostConditions = 64;
const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const always = ['object', 'oldObject', 'request', 'namespaceObject'];

/** What an expression may name. */
export interface Scope {
  readonly hasParams: boolean;
  readonly hasAuthorizer?: boolean;
  readonly hasVariables?: boolean;
}

export function* validateExpression(
  expression: string,
  field: string,
  { hasParams, hasAuthorizer = true, hasVariables = false }: Scope,
): Iterable<FieldError> {
  const problem = celProblem(expression, [
    ...always,
    ...(hasParams ? ['params'] : []),
    ...(hasAuthorizer ? ['authorizer'] : []),
    ...(hasVariables ? ['variables'] : []),
  ]);
  if (problem) yield invalidValue(field, expression, problem);
}

export function* validateMatchConditions(
  conditions: readonly MatchCondition[] | undefined,
  field: string,
  hasParams: boolean,
): Iterable<FieldError> {
  if (!conditions) return;
  if (conditions.length > mostConditions) yield tooMany(field, conditions.length, mostConditions);
  const names = new Set<string>();
  for (const [index, { name, expression }] of conditions.entries()) {
    const path = `${field}[${index}]`;
    const trimmed = (expression ?? '').trim();
    if (trimmed) yield* validateExpression(trimmed, `${path}.expression`, { hasParams });
    else yield required(`${path}.expression`);
    if (!name) {
      yield required(`${path}.name`);
      continue;
    }
    yield* invalidEach(`${path}.name`, name, qualifiedName(name));
    if (names.has(name)) yield duplicateValue(`${path}.name`, name);
    names.add(name);
  }
}

export function* validateVariables(
  variables: readonly Variable[] | undefined,
  hasParams: boolean,
): Iterable<FieldError> {
  for (const [index, { name, expression }] of (variables ?? []).entries()) {
    const path = `spec.variables[${index}]`;
    if (!name?.trim()) yield required(`${path}.name`, 'name is not specified');
    else if (!identifier.test(name) || reserved.has(name)) {
      yield invalidValue(`${path}.name`, name, 'must be a valid CEL identifier');
    }
    if (!expression?.trim()) yield required(`${path}.expression`, 'expression is not specified');
    else {
      yield* validateExpression(expression, `${path}.expression`, {
        hasParams,
        hasVariables: true,
      });
    }
  }
}

export function* validateParamKind(
  { apiVersion, kind }: ParamKind,
  field: string,
): Iterable<FieldError> {
  const path = `${field}.apiVersion`;
  if (!apiVersion) yield required(path);
  else if (apiVersion.split('/').length > 2) {
    yield invalidValue(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  } else {
    const slash = apiVersion.indexOf('/');
    const [group, version] = [apiVersion.slice(0, Math.max(slash, 0)), apiVersion.slice(slash + 1)];
    const problems = group ? dns1123Subdomain(group) : [];
    if (problems.length > 0) yield invalidValue(path, group, problems.join(','));
    if (!version) yield invalidValue(path, apiVersion, 'version must be specified');
    else {
      const versionProblems = dns1035Label(version);
      if (versionProblems.length > 0) yield invalidValue(path, version, versionProblems.join(','));
    }
  }
  if (!kind) {
    yield required(`${field}.kind`);
    return;
  }
  const problems = dns1035Label(kind.toLowerCase());
  if (problems.length === 0) return;
  yield invalidValue(
    `${field}.kind`,
    kind,
    `may have mixed case, but should otherwise match: ${problems.join(',')}`,
  );
}
