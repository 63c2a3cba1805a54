import type { RoleBinding } from '#shared/api/types/rbac-v1.ts';
import { pathSegment } from '#shared/kube/names.ts';
import { resource } from '#shared/kube/resource.ts';

export const roleBindings = resource<RoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  singular: 'rolebinding',
  scope: 'Namespaced',
  validateName: pathSegment,
  type: 'rbac.v1.RoleBinding',
  storage: { prefix: '/registry/rolebindings' },
});
