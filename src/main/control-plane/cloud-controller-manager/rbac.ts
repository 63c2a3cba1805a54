import { clusterRoleBindings } from '#shared/api/rbac/cluster-role-binding.ts';
import { clusterRoles } from '#shared/api/rbac/cluster-role.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { patchTypes } from '#shared/client/transport.ts';

/** As upstream's documentation has it for cloud controller managers, and no more than ours uses. */
const name = 'system:cloud-controller-manager';
const rules = [
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch', 'update'] },
  { apiGroups: [''], resources: ['nodes'], verbs: ['*'] },
  { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch', 'update'] },
  { apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'patch', 'update', 'watch'] },
  { apiGroups: [''], resources: ['services/status'], verbs: ['patch', 'update'] },
  {
    apiGroups: ['discovery.k8s.io'],
    resources: ['endpointslices'],
    verbs: ['get', 'list', 'watch'],
  },
];

/** Gives the cloud controllers' own identity what it needs; nothing changes where it has it already. */
export async function grantOwnRole(administrator: Cluster): Promise<void> {
  const group = 'rbac.authorization.k8s.io';
  const apiVersion = `${group}/v1`;
  const options = { fieldManager: 'pilothouse', force: true };
  const role = { apiVersion, kind: 'ClusterRole', metadata: { name }, rules };
  await administrator.patch(
    clusterRoles,
    { name },
    { type: patchTypes.apply, body: role },
    options,
  );
  const binding = {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name },
    subjects: [{ apiGroup: group, kind: 'User', name }],
  };
  const patch = { type: patchTypes.apply, body: binding };
  await administrator.patch(clusterRoleBindings, { name }, patch, options);
}
