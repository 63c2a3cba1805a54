import type { ClusterRoleBinding } from '#shared/api/types/rbac-v1.ts';
import {
  bindingColumns,
  defaultBinding,
  validateBinding,
  validateBindingUpdate,
  validateRbacName,
} from '#shared/api/rbac/rules.ts';
import { resource } from '#shared/kube/resource.ts';

export const clusterRoleBindings = resource<ClusterRoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  singular: 'clusterrolebinding',
  scope: 'Cluster',
  type: 'rbac.v1.ClusterRoleBinding',
  storage: { prefix: '/registry/clusterrolebindings' },
  default: defaultBinding,
  validateName: validateRbacName,
  metadata: { onUpdate: ['create'] },
  validate: (binding) => validateBinding(binding, kinds),
  validateUpdate: (binding, old) => validateBindingUpdate(binding, old, kinds),
  columns: bindingColumns,
});

const kinds = ['ClusterRole'];
