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
  {
    apiGroups: ['certificates.k8s.io'],
    resources: ['certificatesigningrequests'],
    verbs: ['get', 'list', 'watch'],
  },
  {
    apiGroups: ['certificates.k8s.io'],
    resources: ['certificatesigningrequests/approval'],
    verbs: ['update'],
  },
  {
    apiGroups: ['certificates.k8s.io'],
    resources: ['signers'],
    resourceNames: ['kubernetes.io/kubelet-serving'],
    verbs: ['approve'],
  },
];

/** As kubeadm's `node-autoapprove-certificate-rotation`. */
const renewal = {
  name: 'pilothouse:node-autoapprove-certificate-rotation',
  role: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
};
const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;
const options = { fieldManager: 'pilothouse', force: true };

/** Gives the cloud controllers' own identity what it needs; nothing changes where it has it already. */
export async function grantOwnRole(administrator: Cluster): Promise<void> {
  const role = { apiVersion, kind: 'ClusterRole', metadata: { name }, rules };
  await administrator.patch(
    clusterRoles,
    { name },
    { type: patchTypes.apply, body: role },
    options,
  );
  await bind(administrator, { name, role: name, subject: { kind: 'User', name } });
}

/** Lets nodes have their own client certificates renewed without anybody's asking. */
export async function grantRenewal(administrator: Cluster): Promise<void> {
  await bind(administrator, { ...renewal, subject: { kind: 'Group', name: 'system:nodes' } });
}

async function bind(
  administrator: Cluster,
  {
    name: own,
    role,
    subject,
  }: { readonly name: string; readonly role: string; readonly subject: object },
): Promise<void> {
  const binding = {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name: own },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: group, ...subject }],
  };
  const patch = { type: patchTypes.apply, body: binding };
  await administrator.patch(clusterRoleBindings, { name: own }, patch, options);
}
