import { clusterRoles } from '#shared/api/rbac/cluster-role.ts';
import type { ClusterRole, PolicyRule } from '#shared/api/types/rbac-v1.ts';
import { controller } from '#shared/kube/controller.ts';
import { compiledSelector } from './pods/claim.ts';
import { isEqual } from './values.ts';

/** Fills aggregating roles with the rules of all roles that they select. */
export const clusterRoleAggregationController = controller<ClusterRole>({
  name: 'clusterrole-aggregation-controller',
  watches: clusterRoles,
  *wakes(_change, cache) {
    for (const { metadata, aggregationRule } of cache.list(clusterRoles))
      if (aggregationRule) yield metadata.name;
  },

  async reconcile(role, { cache, cluster }) {
    if (!role.aggregationRule) return;
    const rules = aggregatedRules(role, [...cache.list(clusterRoles)]);
    if (isEqual(rules, role.rules ?? [])) return;
    const { name } = role.metadata;
    const body = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules,
    };
    const fieldManager = 'clusterrole-aggregation-controller';
    await cluster.patch(clusterRoles, { name }, { type: 'apply', body, fieldManager, force: true });
  },
});

/** Pure: rules by selector, then by role name, each once. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const rules: PolicyRule[] = [];
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const { matches } = compiledSelector(selector);
    const selected = all
      .filter(({ metadata }) => metadata.name !== role.metadata.name && matches(metadata.labels))
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    for (const { rules: theirs } of selected)
      for (const rule of theirs ?? [])
        if (!rules.some((known) => isEqual(known, rule))) rules.push(rule);
  }
  return rules;
}
