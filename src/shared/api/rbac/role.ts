import type { Role } from '#shared/api/types/rbac-v1.ts';
import { createdAtColumn, nameColumn } from '#shared/api/columns.ts';
import { validateRbacName, validateRules } from '#shared/api/rbac/rules.ts';
import { validateObjectMetaUpdate } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const roles = resource<Role>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  singular: 'role',
  scope: 'Namespaced',
  type: 'rbac.v1.Role',
  storage: { prefix: '/registry/roles' },
  validateName: validateRbacName,
  metadata: { onUpdate: ['create'] },
  validate: ({ rules }) => validateRules(rules, true),
  *validateUpdate({ metadata, rules }, old) {
    yield* validateRules(rules, true);
    yield* validateObjectMetaUpdate(metadata, old.metadata);
  },
  columns: [nameColumn, createdAtColumn],
});
