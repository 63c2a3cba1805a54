import policy from '#main/control-plane/apiserver/bootstrap/policy.json' with { type: 'json' };
import type { PolicyRule, RoleRef, Subject } from '#shared/api/types/rbac-v1.ts';
import type { ObjectMeta } from '#shared/kube/types/meta-v1.ts';

/**
 * Upstream's default roles and bindings. In policy.json a rule is one line, `VERBS GROUPS RESOURCES`
 * with an optional `named NAMES`, or `VERBS urls PATHS`; lists have commas, the core group is `core`.
 */
export interface DesiredRole {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'labels' | 'annotations'>;
  readonly rules: readonly PolicyRule[];
  /** Set on cluster roles whose rules the aggregating controller collects. */
  readonly aggregationRule?: {
    readonly clusterRoleSelectors: readonly { readonly matchLabels: Record<string, string> }[];
  };
}

export interface DesiredBinding {
  readonly metadata: DesiredRole['metadata'];
  readonly roleRef: RoleRef;
  readonly subjects?: readonly Subject[];
}

const apiGroup = 'rbac.authorization.k8s.io';
const aggregatePrefix = 'rbac.authorization.k8s.io/aggregate-to-';
export const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';

export const desiredClusterRoles: readonly DesiredRole[] = [
  ...policy.aggregated.map((name) => ({
    metadata: metadataOf(name),
    rules: [],
    aggregationRule: {
      clusterRoleSelectors: [{ matchLabels: { [`${aggregatePrefix}${name}`]: 'true' } }],
    },
  })),
  ...rolesIn(policy.clusterRoles),
];
export const desiredRoles: readonly DesiredRole[] = rolesIn(policy.roles);
export const desiredClusterRoleBindings = bindingsIn(policy.clusterRoleBindings, 'ClusterRole');
export const desiredRoleBindings = bindingsIn(policy.roleBindings, 'Role');

/** What every node may do: the rules of the Node authorizer, as upstream's of `system:node`. */
export const nodeRules: readonly PolicyRule[] = policy.clusterRoles['system:node'].map(parseRule);

function rolesIn(roles: Readonly<Record<string, readonly string[]>>): DesiredRole[] {
  return Object.entries(roles).map(([key, rules]) => ({
    metadata: metadataOf(key),
    rules: rules.map(parseRule),
  }));
}

interface BindingLine {
  readonly role: string;
  readonly subjects: readonly string[];
}

function bindingsIn(
  bindings: Readonly<Record<string, BindingLine>>,
  kind: RoleRef['kind'],
): readonly DesiredBinding[] {
  return Object.entries(bindings).map(([key, { role, subjects }]) => ({
    metadata: metadataOf(key),
    roleRef: { apiGroup, kind, name: role },
    ...(subjects.length > 0 && { subjects: subjects.map(parseSubject) }),
  }));
}

/** `name`, or `namespace/name`; no name of the cluster's own roles has a slash. */
function metadataOf(key: string): DesiredRole['metadata'] {
  const slash = key.indexOf('/');
  const name = key.slice(slash + 1);
  const target = (policy.aggregateTo as Readonly<Record<string, string>>)[key];
  return {
    name,
    ...(slash > 0 && { namespace: key.slice(0, slash) }),
    labels: {
      'kubernetes.io/bootstrapping': 'rbac-defaults',
      ...(target && { [`${aggregatePrefix}${target}`]: 'true' }),
    },
    annotations: { [autoUpdate]: 'true' },
  };
}

function parseRule(line: string): PolicyRule {
  const [verbs = '', groups = '', targets = '', , names] = line.split(' ');
  if (groups === 'urls') return { verbs: verbs.split(','), nonResourceURLs: targets.split(',') };
  return {
    verbs: verbs.split(','),
    apiGroups: groups.split(',').map((group) => (group === 'core' ? '' : group)),
    resources: targets.split(','),
    ...(names && { resourceNames: names.split(',') }),
  };
}

/** `User NAME`, `Group NAME` or `ServiceAccount NAMESPACE/NAME`. */
function parseSubject(line: string): Subject {
  const [kind = '', key = ''] = line.split(' ');
  if (kind !== 'ServiceAccount') return { kind, apiGroup, name: key };
  const [namespace = '', name = ''] = key.split('/');
  return { kind, name, namespace };
}
