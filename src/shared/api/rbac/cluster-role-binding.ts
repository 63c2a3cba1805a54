import type { ClusterRoleBinding } from '#shared/api/types/rbac-v1.ts';
import { pathSegment } from '#shared/kube/names.ts';
import { resource } from '#shared/kube/resource.ts';

export const clusterRoleBindings = resource<ClusterRoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  singular: 'clusterrolebinding',
  scope: 'Cluster',
  validateName: pathSegment,
  type: 'rbac.v1.ClusterRoleBinding',
  storage: { prefix: '/registry/clusterrolebindings' },
});
