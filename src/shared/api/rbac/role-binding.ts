import type { RoleBinding } from '#shared/api/types/rbac-v1.ts';
import {
  bindingColumns,
  defaultBinding,
  validateBinding,
  validateBindingUpdate,
  validateRbacName,
} from '#shared/api/rbac/rules.ts';
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
  default: defaultBinding,
  validateName: validateRbacName,
  metadata: { onUpdate: ['create'] },
  validate: (binding) => validateBinding(binding, kinds),
  validateUpdate: (binding, old) => validateBindingUpdate(binding, old, kinds),
  columns: bindingColumns,
});

const kinds = ['Role', 'ClusterRole'];
