import type { ClusterRole } from '#shared/api/types/rbac-v1.ts';
import { createdAtColumn, nameColumn } from '#shared/api/columns.ts';
import { validateAggregation, validateRbacName, validateRules } from '#shared/api/rbac/rules.ts';
import { validateObjectMetaUpdate } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const clusterRoles = resource<ClusterRole>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  singular: 'clusterrole',
  scope: 'Cluster',
  type: 'rbac.v1.ClusterRole',
  storage: { prefix: '/registry/clusterroles' },
  validateName: validateRbacName,
  metadata: { onUpdate: ['create'] },
  *validate(role) {
    yield* validateRules(role.rules, false);
    yield* validateAggregation(role);
  },
  *validateUpdate(role, old) {
    yield* validateRules(role.rules, false);
    yield* validateAggregation(role);
    yield* validateObjectMetaUpdate(role.metadata, old.metadata);
  },
  columns: [nameColumn, createdAtColumn],
});
