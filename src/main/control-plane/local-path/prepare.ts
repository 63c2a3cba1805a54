import { clusterRoleBindings } from '#shared/api/rbac/cluster-role-binding.ts';
import { clusterRoles } from '#shared/api/rbac/cluster-role.ts';
import { localPathProvisioner } from '#shared/api/core/local-path-volume.ts';
import { storageClasses } from '#shared/api/storage/storage-class.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { patchTypes } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';

const group = 'rbac.authorization.k8s.io';
const isDefaultClass = 'storageclass.kubernetes.io/is-default-class';
const className = 'local-path';
const read = ['get', 'list', 'watch'];

interface Role {
  readonly name: string;
  readonly rules: readonly object[];
  readonly subject: object;
}

const roles: readonly Role[] = [
  {
    name: 'pilothouse:local-path-provisioner',
    rules: [
      { apiGroups: [''], resources: ['nodes'], verbs: read },
      { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: [...read, 'patch'] },
      {
        apiGroups: [''],
        resources: ['persistentvolumes'],
        verbs: [...read, 'create', 'delete', 'patch'],
      },
      { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch', 'update'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: read },
    ],
    subject: { kind: 'ServiceAccount', namespace: 'kube-system', name: 'local-path-provisioner' },
  },
  {
    name: 'pilothouse:node-volumes',
    rules: [{ apiGroups: [''], resources: ['persistentvolumes'], verbs: read }],
    subject: { apiGroup: group, kind: 'Group', name: 'system:nodes' },
  },
];

/** The class and the rights of provisioner and agents. What an administrator changed of the class stays. */
export async function prepare(administrator: Cluster): Promise<void> {
  const options = { fieldManager: 'pilothouse', force: true };
  const apiVersion = `${group}/v1`;
  for (const { name, rules, subject } of roles) {
    const role = { apiVersion, kind: 'ClusterRole', metadata: { name }, rules };
    const roleRef = { apiGroup: group, kind: 'ClusterRole', name };
    const metadata = { name };
    const subjects = [subject];
    const binding = { apiVersion, kind: 'ClusterRoleBinding', metadata, roleRef, subjects };
    const patchOf = (body: object) => ({ type: patchTypes.apply, body });
    await administrator.patch(clusterRoles, { name }, patchOf(role), options);
    await administrator.patch(clusterRoleBindings, { name }, patchOf(binding), options);
  }
  await makeClass(administrator);
}

async function makeClass(administrator: Cluster): Promise<void> {
  const { items } = await administrator.list(storageClasses);
  if (items.some(({ metadata }) => metadata.name === className)) return;
  // A default that somebody has chosen is the default.
  const hasDefault = items.some(
    ({ metadata }) => metadata.annotations?.[isDefaultClass] === 'true',
  );
  const annotations = { [isDefaultClass]: String(!hasDefault) };
  try {
    await administrator.create(storageClasses, {
      metadata: { name: className, annotations },
      provisioner: localPathProvisioner,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: false,
    });
  } catch (error) {
    if (!ApiError.is(error, 'AlreadyExists')) throw error;
  }
}
