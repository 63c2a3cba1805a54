import type {
  MatchResources,
  NamedRuleWithOperations,
  RuleWithOperations,
} from '#shared/api/types/admissionregistration-v1.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { pathSegment } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';
import { validateLabelSelector } from '#shared/kube/object-meta.ts';

/** Which requests an admission plugin looks at. */

export const failurePolicies = ['Fail', 'Ignore'];
export const matchPolicies = ['Equivalent', 'Exact'];
export const reinvocationPolicies = ['IfNeeded', 'Never'];
const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const mutatingOperations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];

export function defaultRules(rules: Draft<readonly RuleWithOperations[]> | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*';
}

export function defaultMatchResources(match: Draft<MatchResources> | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}

export function* oneOf(
  value: string | undefined,
  field: string,
  allowed: readonly string[],
): Iterable<FieldError> {
  if (value !== undefined && !allowed.includes(value)) yield notSupported(field, value, allowed);
}

export function* validateRule(rule: RuleWithOperations, field: string): Iterable<FieldError> {
  const given = rule.operations ?? [];
  if (given.length === 0) yield required(`${field}.operations`);
  yield* wildcardAlone(given, `${field}.operations`, 'operations');
  for (const [index, operation] of given.entries()) {
    yield* oneOf(operation, `${field}.operations[${index}]`, operations);
  }
  const { apiGroups = [], apiVersions = [] } = rule;
  if (apiGroups.length === 0) yield required(`${field}.apiGroups`);
  yield* wildcardAlone(apiGroups, `${field}.apiGroups`, 'API groups');
  if (apiVersions.length === 0) yield required(`${field}.apiVersions`);
  yield* wildcardAlone(apiVersions, `${field}.apiVersions`, 'API versions');
  for (const [index, version] of apiVersions.entries()) {
    if (!version) yield required(`${field}.apiVersions[${index}]`);
  }
  yield* validateResources(rule.resources ?? [], `${field}.resources`);
  yield* oneOf(rule.scope, `${field}.scope`, scopes);
}

function* wildcardAlone(
  given: readonly string[],
  field: string,
  what: string,
): Iterable<FieldError> {
  if (given.length > 1 && given.includes('*')) {
    yield invalidValue(field, given, `if '*' is present, must not specify other ${what}`);
  }
}

function* validateResources(given: readonly string[], field: string): Iterable<FieldError> {
  if (given.length === 0) yield required(field);
  const allOfResource = new Set<string>();
  const subresourceOfAll = new Set<string>();
  // As upstream, the last one without a subresource decides.
  let isLastPlain = false;
  for (const [index, item] of given.entries()) {
    const path = `${field}[${index}]`;
    if (!item) {
      yield required(path);
      continue;
    }
    const slash = item.indexOf('/');
    if (slash < 0) {
      isLastPlain = item !== '*';
      continue;
    }
    const [name, subresource] = [item.slice(0, slash), item.slice(slash + 1)];
    if (allOfResource.has(name)) {
      yield invalidValue(path, item, `if '${name}/*' is present, must not specify ${item}`);
    }
    if (subresourceOfAll.has(subresource)) {
      yield invalidValue(path, item, `if '*/${subresource}' is present, must not specify ${item}`);
    }
    if (subresource === '*') allOfResource.add(name);
    if (name === '*') subresourceOfAll.add(subresource);
  }
  if (given.length > 1 && given.includes('*/*')) {
    yield invalidValue(field, given, "if '*/*' is present, must not specify other resources");
  }
  if (given.includes('*') && isLastPlain) {
    yield invalidValue(
      field,
      given,
      "if '*' is present, must not specify other resources without subresources",
    );
  }
}

export function* validateMatchResources(
  match: MatchResources | undefined,
  field: string,
): Iterable<FieldError> {
  if (!match) return;
  yield* oneOf(match.matchPolicy, `${field}.matchPolicy`, matchPolicies);
  yield* validateLabelSelector(match.namespaceSelector, `${field}.namespaceSelector`);
  yield* validateLabelSelector(match.objectSelector, `${field}.objectSelector`);
  for (const member of ['resourceRules', 'excludeResourceRules'] as const) {
    for (const [index, rule] of (match[member] ?? []).entries()) {
      yield* validateNamedRule(rule, `${field}.${member}[${index}]`);
    }
  }
}

/** Nothing is left to change of what is deleted. */
export function* validateMutatingOperations(
  match: MatchResources | undefined,
  field: string,
): Iterable<FieldError> {
  for (const rule of match?.resourceRules ?? []) {
    for (const operation of rule.operations ?? []) {
      yield* oneOf(operation, `${field}.resourceRules.operations`, mutatingOperations);
    }
  }
}

function* validateNamedRule(rule: NamedRuleWithOperations, field: string): Iterable<FieldError> {
  const names = rule.resourceNames ?? [];
  for (const [index, name] of names.entries()) {
    const path = `${field}.resourceNames[${index}]`;
    yield* invalidEach(path, name, pathSegment(name));
    if (names.indexOf(name) < index) yield duplicateValue(path, name);
  }
  yield* validateRule(rule, field);
}
