import type { Role } from '#shared/api/types/rbac-v1.ts';
import { pathSegment } from '#shared/kube/names.ts';
import { resource } from '#shared/kube/resource.ts';

export const roles = resource<Role>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  singular: 'role',
  scope: 'Namespaced',
  validateName: pathSegment,
  type: 'rbac.v1.Role',
  storage: { prefix: '/registry/roles' },
});
