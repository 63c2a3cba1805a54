import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
} from '#shared/api/types/rbac-v1.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** Nobody grants rights that they do not have. */
export const roleRest: KindRest = {
  allowsCreateOnUpdate: true,
  async beginCreate({ core, request }, draft) {
    await core.security.escalation?.checkRole(request.user, draft as unknown as Role | ClusterRole);
    return undefined;
  },
  async beginUpdate({ core, request }, draft, old) {
    if (isOnlyForCollector(draft, old)) return undefined;
    const role = draft as unknown as Role | ClusterRole;
    await core.security.escalation?.checkRole(request.user, role, old as Role | ClusterRole);
    return undefined;
  },
};

export const roleBindingRest: KindRest = {
  allowsCreateOnUpdate: true,
  async beginCreate({ core, request }, draft) {
    const binding = draft as unknown as RoleBinding | ClusterRoleBinding;
    await core.security.escalation?.checkBinding(request.user, binding);
    return undefined;
  },
  async beginUpdate({ core, request }, draft, old) {
    if (isOnlyForCollector(draft, old)) return undefined;
    const binding = draft as unknown as RoleBinding | ClusterRoleBinding;
    await core.security.escalation?.checkBinding(request.user, binding);
    return undefined;
  },
};

/** Owner references, finalizers and managed fields grant nothing to anybody. */
function isOnlyForCollector(draft: object, old: KubeObject): boolean {
  return semanticEqual(withoutThose(draft as KubeObject), withoutThose(old));
}

function withoutThose(object: KubeObject): object {
  const {
    ownerReferences: _owners,
    finalizers: _finalizers,
    managedFields: _fields,
    ...metadata
  } = object.metadata;
  return { ...object, metadata };
}
