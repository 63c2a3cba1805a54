import type { ClusterRole } from '#shared/api/types/rbac-v1.ts';
import { pathSegment } from '#shared/kube/names.ts';
import { resource } from '#shared/kube/resource.ts';

export const clusterRoles = resource<ClusterRole>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  singular: 'clusterrole',
  scope: 'Cluster',
  validateName: pathSegment,
  type: 'rbac.v1.ClusterRole',
  storage: { prefix: '/registry/clusterroles' },
});
