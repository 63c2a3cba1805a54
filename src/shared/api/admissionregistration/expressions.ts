import type {
  MatchCondition,
  ParamKind,
  Variable,
} from '#shared/api/types/admissionregistration-v1.ts';
import { compileAdmission } from '#shared/cel/admission/environment.ts';
import { bool, type CelType } from '#shared/cel/types.ts';
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

/** What an expression may name, and what it has to be. */
export interface Scope {
  readonly hasParams: boolean;
  readonly hasAuthorizer?: boolean;
  readonly hasPatchTypes?: boolean;
  /** The types of the policy's variables. */
  readonly variables?: ReadonlyMap<string, CelType>;
  /** Anything unless stated. */
  readonly types?: readonly CelType[];
}

export function* validateExpression(
  expression: string,
  field: string,
  { hasAuthorizer = true, types = [], ...scope }: Scope,
): Iterable<FieldError> {
  const compiled = compileAdmission(expression, { ...scope, hasAuthorizer }, types);
  if ('problem' in compiled) yield invalidValue(field, expression, compiled.problem);
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
    const types = [bool];
    if (trimmed) yield* validateExpression(trimmed, `${path}.expression`, { hasParams, types });
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

/** The problems of a policy's variables; those that compile are added to `known` with their types. */
export function* validateVariables(
  variables: readonly Variable[] | undefined,
  known: Map<string, CelType>,
  scope: Pick<Scope, 'hasParams' | 'hasPatchTypes'>,
): Iterable<FieldError> {
  for (const [index, { name, expression }] of (variables ?? []).entries()) {
    const path = `spec.variables[${index}]`;
    if (!name?.trim()) yield required(`${path}.name`, 'name is not specified');
    else if (!identifier.test(name) || reserved.has(name)) {
      yield invalidValue(`${path}.name`, name, 'must be a valid CEL identifier');
    }
    if (!expression?.trim()) {
      yield required(`${path}.expression`, 'expression is not specified');
      continue;
    }
    const all = { ...scope, hasAuthorizer: true, variables: known };
    const compiled = compileAdmission(expression, all, []);
    if ('problem' in compiled) {
      yield invalidValue(`${path}.expression`, expression, compiled.problem);
    } else if (name) known.set(name, compiled.program.type);
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
