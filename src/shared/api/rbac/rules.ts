import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  RoleBinding,
  Subject,
} from '#shared/api/types/rbac-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { foreignName, invalidEach } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, notOneOf, notSupported, required } from '#shared/kube/field-error.ts';
import { nameIsDnsSubdomain, pathSegment } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';
import { validateLabelSelector, validateObjectMetaUpdate } from '#shared/kube/object-meta.ts';
import type { Column } from '#shared/kube/resource.ts';

/** What roles share with cluster roles, and their bindings with each other. */

type Binding = ClusterRoleBinding | RoleBinding;

const rbacGroup = 'rbac.authorization.k8s.io';

/** As a segment of a path; prefixes too. */
export const validateRbacName = (name: string): readonly string[] => pathSegment(name);

export function* validateRules(
  rules: readonly PolicyRule[] | undefined,
  isNamespaced: boolean,
): Iterable<FieldError> {
  for (const [index, rule] of (rules ?? []).entries()) {
    yield* validateRule(rule, `rules[${index}]`, isNamespaced);
  }
}

function* validateRule(
  rule: PolicyRule,
  field: string,
  isNamespaced: boolean,
): Iterable<FieldError> {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs: urls } = rule;
  if (!verbs?.length) yield required(`${field}.verbs`, 'verbs must contain at least one value');
  if (urls?.length) {
    const path = `${field}.nonResourceURLs`;
    if (isNamespaced) {
      yield invalidValue(path, urls, 'namespaced rules cannot apply to non-resource URLs');
    }
    if (apiGroups?.length || resources?.length || resourceNames?.length) {
      yield invalidValue(
        path,
        urls,
        'rules cannot apply to both regular resources and non-resource URLs',
      );
    }
    return;
  }
  if (!apiGroups?.length) {
    yield required(`${field}.apiGroups`, 'resource rules must supply at least one api group');
  }
  if (!resources?.length) {
    yield required(`${field}.resources`, 'resource rules must supply at least one resource');
  }
}

export function defaultBinding({ roleRef, subjects = [] }: Draft<Binding>): void {
  if (!roleRef.apiGroup) roleRef.apiGroup = rbacGroup;
  for (const subject of subjects) {
    if (subject.apiGroup) continue;
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup = rbacGroup;
  }
}

export function* validateBinding(
  { roleRef, subjects = [] }: Binding,
  kinds: readonly string[],
): Iterable<FieldError> {
  const { apiGroup, kind, name } = roleRef;
  if (apiGroup !== rbacGroup) yield notSupported('roleRef.apiGroup', apiGroup, [rbacGroup]);
  if (!kinds.includes(kind)) yield notOneOf('roleRef.kind', kind ?? '', kinds);
  yield* foreignName(name, 'roleRef.name');
  const isNamespaced = kinds.includes('Role');
  for (const [index, subject] of subjects.entries()) {
    yield* validateSubject(subject, `subjects[${index}]`, isNamespaced);
  }
}

export function* validateBindingUpdate(
  binding: Binding,
  old: Binding,
  kinds: readonly string[],
): Iterable<FieldError> {
  yield* validateBinding(binding, kinds);
  yield* validateObjectMetaUpdate(binding.metadata, old.metadata);
  if (!semanticEqual(old.roleRef, binding.roleRef)) {
    yield invalidValue('roleRef', binding.roleRef, 'cannot change roleRef');
  }
}

function* validateSubject(
  { kind, apiGroup = '', name, namespace }: Subject,
  field: string,
  isNamespaced: boolean,
): Iterable<FieldError> {
  if (!name) yield required(`${field}.name`);
  switch (kind) {
    case 'ServiceAccount':
      if (name) yield* invalidEach(`${field}.name`, name, nameIsDnsSubdomain(name));
      if (apiGroup) yield notSupported(`${field}.apiGroup`, apiGroup, ['']);
      if (!isNamespaced && !namespace) yield required(`${field}.namespace`);
      break;
    case 'User':
    case 'Group':
      if (apiGroup !== rbacGroup) yield notSupported(`${field}.apiGroup`, apiGroup, [rbacGroup]);
      break;
    default:
      yield notOneOf(`${field}.kind`, kind ?? '', ['ServiceAccount', 'User', 'Group']);
  }
}

export const bindingColumns: readonly Column<Binding>[] = [
  nameColumn,
  { name: 'Role', value: ({ roleRef }) => `${roleRef.kind}/${roleRef.name}` },
  ageColumn,
  { name: 'Users', priority: 1, value: ({ subjects }) => namesOf(subjects, 'User') },
  { name: 'Groups', priority: 1, value: ({ subjects }) => namesOf(subjects, 'Group') },
  {
    name: 'ServiceAccounts',
    priority: 1,
    value: ({ subjects }) => namesOf(subjects, 'ServiceAccount'),
  },
];

function namesOf(subjects: readonly Subject[] | undefined, wanted: string): string {
  return (subjects ?? [])
    .filter(({ kind }) => kind === wanted)
    .map(({ kind, namespace, name }) =>
      kind === 'ServiceAccount' && namespace ? `${namespace}/${name}` : name,
    )
    .join(', ');
}

export function* validateAggregation({ aggregationRule }: ClusterRole): Iterable<FieldError> {
  if (!aggregationRule) return;
  const field = 'aggregationRule.clusterRoleSelectors';
  const { clusterRoleSelectors: selectors = [] } = aggregationRule;
  if (selectors.length === 0) {
    yield required(
      field,
      'at least one clusterRoleSelector required if aggregationRule is non-nil',
    );
  }
  for (const [index, selector] of selectors.entries()) {
    const path = `${field}[${index}]`;
    const errors = [...validateLabelSelector(selector, path)];
    yield* errors;
    if (errors.length > 0) yield invalidValue(path, selector, 'invalid label selector.');
  }
}
