import type { RoleBinding } from '#shared/api/types/rbac-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const roleBindings = resource<RoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  singular: 'rolebinding',
  scope: 'Namespaced',
  type: 'rbac.v1.RoleBinding',
  storage: { prefix: '/registry/rolebindings' },
});
