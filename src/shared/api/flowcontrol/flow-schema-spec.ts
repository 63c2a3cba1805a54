import type {
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  ServiceAccountSubject,
  Subject,
} from '#shared/api/types/flowcontrol-v1.ts';
import { invalidEach, requireText } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  notSupported,
  required,
} from '#shared/kube/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '#shared/kube/names.ts';

const highestPrecedence = 10_000;
const methods = ['ByNamespace', 'ByUser'];
const verbs = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'proxy',
  'update',
  'watch',
];
const subjectMembers = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;
const namespaceHint = "each member of this list must be '*' or a DNS-1123 label; ";

export function* validateFlowSchemaSpec(
  spec: FlowSchemaSpec,
  schemaName: string,
): Iterable<FieldError> {
  yield* validatePrecedence(spec.matchingPrecedence, schemaName);
  const { distinguisherMethod: method } = spec;
  if (method && !methods.includes(method.type)) {
    yield notSupported('spec.distinguisherMethod.type', method, methods);
  }
  const { name } = spec.priorityLevelConfiguration;
  const field = 'spec.priorityLevelConfiguration.name';
  if (name) yield* invalidEach(field, name, dns1123Subdomain(name));
  else yield required(field, 'must reference a priority level');
  for (const [index, rule] of (spec.rules ?? []).entries()) {
    yield* validateRules(rule, `spec.rules[${index}]`);
  }
}

export function* validateConditionTypes(
  conditions: readonly { readonly type?: string }[] | undefined,
): Iterable<FieldError> {
  const types = new Set<string>();
  for (const [index, { type = '' }] of (conditions ?? []).entries()) {
    const field = `status.conditions[${index}].type`;
    if (types.has(type)) yield duplicateValue(field, type);
    types.add(type);
    yield* requireText(type, field);
  }
}

function* validatePrecedence(precedence: number, schemaName: string): Iterable<FieldError> {
  const field = 'spec.matchingPrecedence';
  if (precedence <= 0) yield invalidValue(field, precedence, 'must be a positive value');
  if (precedence > highestPrecedence) {
    yield invalidValue(field, precedence, `must not be greater than ${highestPrecedence}`);
  }
  if (precedence === 1 && schemaName !== 'exempt') {
    yield invalidValue(
      field,
      precedence,
      "only the schema named 'exempt' may have matchingPrecedence 1",
    );
  }
}

function* validateRules(rule: PolicyRulesWithSubjects, field: string): Iterable<FieldError> {
  const { subjects, resourceRules = [], nonResourceRules = [] } = rule;
  if (!subjects?.length) {
    yield required(`${field}.subjects`, 'subjects must contain at least one value');
  }
  for (const [index, subject] of (subjects ?? []).entries()) {
    yield* validateSubject(subject, `${field}.subjects[${index}]`);
  }
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    yield required(field, 'at least one of resourceRules and nonResourceRules has to be non-empty');
  }
  for (const [index, item] of resourceRules.entries()) {
    yield* validateResourceRule(item, `${field}.resourceRules[${index}]`);
  }
  for (const [index, item] of nonResourceRules.entries()) {
    yield* validateNonResourceRule(item, `${field}.nonResourceRules[${index}]`);
  }
}

function* validateSubject(subject: Subject, field: string): Iterable<FieldError> {
  const kinds = Object.keys(subjectMembers) as (keyof typeof subjectMembers)[];
  const kind = kinds.find((item) => item === subject.kind);
  if (!kind) {
    yield notSupported(`${field}.kind`, subject.kind, kinds);
    return;
  }
  const member = subjectMembers[kind];
  const path = `${field}.${member}`;
  if (!subject[member]) {
    yield required(path, `${member} is required when subject kind is '${kind}'`);
  } else if (kind === 'ServiceAccount') {
    yield* validateServiceAccount(subject.serviceAccount!, path);
  } else yield* requireText(subject[member].name, `${path}.name`);
  for (const other of kinds) {
    const name = subjectMembers[other];
    if (other === kind || !subject[name]) continue;
    yield forbiddenValue(
      `${field}.${name}`,
      `${name} is forbidden when subject kind is not '${other}'`,
    );
  }
}

function* validateServiceAccount(
  { name, namespace }: ServiceAccountSubject,
  field: string,
): Iterable<FieldError> {
  if (!name) yield required(`${field}.name`);
  else if (name !== '*') yield* invalidEach(`${field}.name`, name, dns1123Subdomain(name));
  if (namespace) {
    yield* invalidEach(`${field}.namespace`, namespace, dns1123Label(namespace));
  } else yield required(`${field}.namespace`, 'must specify namespace for service account');
}

function* validateVerbs(given: readonly string[] | undefined, field: string): Iterable<FieldError> {
  if (!given?.length) yield required(field, 'verbs must contain at least one value');
  else if (given.includes('*')) yield* wildcardAlone(given, field, 'verbs');
  else if (!given.every((verb) => verbs.includes(verb))) yield notSupported(field, given, verbs);
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

function* validateResourceRule(rule: ResourcePolicyRule, field: string): Iterable<FieldError> {
  const { apiGroups, resources, namespaces, clusterScope } = rule;
  yield* validateVerbs(rule.verbs, `${field}.verbs`);
  if (apiGroups?.length) yield* wildcardAlone(apiGroups, `${field}.apiGroups`, 'api groups');
  else yield required(`${field}.apiGroups`, 'resource rules must supply at least one api group');
  if (resources?.length) yield* wildcardAlone(resources, `${field}.resources`, 'resources');
  else yield required(`${field}.resources`, 'resource rules must supply at least one resource');
  const path = `${field}.namespaces`;
  if (!namespaces?.length) {
    if (clusterScope) return;
    yield required(
      path,
      'resource rules that are not cluster scoped must supply at least one namespace',
    );
  } else if (namespaces.includes('*')) yield* wildcardAlone(namespaces, path, 'namespaces');
  else {
    for (const [index, name] of namespaces.entries()) {
      const problems = dns1123Label(name).map((problem) => `${namespaceHint}${problem}`);
      yield* invalidEach(`${path}[${index}]`, name, problems);
    }
  }
}

function* validateNonResourceRule(
  { verbs: given, nonResourceURLs: urls }: NonResourcePolicyRule,
  field: string,
): Iterable<FieldError> {
  yield* validateVerbs(given, `${field}.verbs`);
  const path = `${field}.nonResourceURLs`;
  if (!urls?.length) yield required(path, 'nonResourceURLs must contain at least one value');
  else if (urls.includes('*')) yield* wildcardAlone(urls, path, 'non-resource URLs');
  else {
    for (const [index, url] of urls.entries()) {
      const problem = urlProblem(url);
      if (problem) yield invalidValue(`${path}[${index}]`, url, problem);
    }
  }
}

function urlProblem(url: string): string | undefined {
  if (!url) return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const stars = url.split('*').length - 1;
  if (stars > 1 || (stars === 1 && !url.endsWith('/*'))) {
    return 'wildcard can only do suffix matching';
  }
  return undefined;
}
