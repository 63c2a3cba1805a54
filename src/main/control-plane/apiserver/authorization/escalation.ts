import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { privilegedGroup } from '#main/control-plane/apiserver/authentication/users.ts';
import type {
  Attributes,
  Authorizer,
} from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { uncovered } from '#main/control-plane/apiserver/authorization/policy-rules.ts';
import type { Rbac } from '#main/control-plane/apiserver/authorization/rbac.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
} from '#shared/api/types/rbac-v1.ts';
import { ApiError, forbidden } from '#shared/kube/errors.ts';

/**
 * Nobody grants what they do not have: what the registry asks before it writes a role or a binding.
 * Throws `Forbidden`. Updates that change nothing but owner references, finalizers and managed fields
 * need no check: they only help the garbage collector.
 */
export interface EscalationCheck {
  checkRole(user: UserInfo, role: Role | ClusterRole, old?: Role | ClusterRole): Promise<void>;
  checkBinding(user: UserInfo, binding: RoleBinding | ClusterRoleBinding): Promise<void>;
}

const group = 'rbac.authorization.k8s.io';
const fullAuthority: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

export function createEscalationCheck(rbac: Rbac, authorizer: Authorizer): EscalationCheck {
  /** Whether the user may use this verb on the role itself, which stands above its rules. */
  const mayUse = async (
    verb: 'bind' | 'escalate',
    user: UserInfo,
    role: Pick<Attributes, 'resource' | 'namespace' | 'name'>,
  ): Promise<boolean> => {
    const decision = await authorizer.authorize({
      user,
      verb,
      isResourceRequest: true,
      apiGroup: group,
      apiVersion: '*',
      subresource: '',
      path: '',
      ...role,
    });
    return decision.verdict === 'Allow';
  };

  return {
    async checkRole(user, role, old) {
      if (isPrivileged(user)) return;
      const { name, namespace = '' } = role.metadata;
      const resource = namespace ? 'roles' : 'clusterroles';
      if (await mayUse('escalate', user, { resource, namespace, name })) return;
      const refuse = (why: string): never => {
        throw forbidden({ group, plural: resource }, name, why);
      };
      const lacking = lack(rbac, { user, namespace, wanted: role.rules ?? [] });
      if (lacking) refuse(lacking);
      if (!aggregates(role) && !(old && aggregates(old))) return;
      if (lack(rbac, { user, namespace, wanted: fullAuthority }))
        refuse('must have cluster-admin privileges to use the aggregationRule');
    },

    async checkBinding(user, binding) {
      if (isPrivileged(user)) return;
      const { name, namespace = '' } = binding.metadata;
      const { roleRef } = binding;
      const role = { resource: resourceOf(roleRef), namespace, name: roleRef.name };
      if (role.resource && (await mayUse('bind', user, role))) return;
      const wanted = rbac.referencedRules(roleRef, namespace);
      const lacking = lack(rbac, { user, namespace, wanted });
      const plural = namespace ? 'rolebindings' : 'clusterrolebindings';
      if (lacking) throw forbidden({ group, plural }, name, lacking);
    },
  };
}

function isPrivileged({ groups }: UserInfo): boolean {
  return groups.includes(privilegedGroup);
}

function aggregates(role: Role | ClusterRole): boolean {
  const { aggregationRule } = role as ClusterRole;
  return (aggregationRule?.clusterRoleSelectors ?? []).length > 0;
}

function resourceOf({ kind }: RoleRef): string {
  if (kind === 'ClusterRole') return 'clusterroles';
  if (kind === 'Role') return 'roles';
  throw new ApiError('InternalError', `unsupported role reference kind: ${JSON.stringify(kind)}`);
}

interface Wanted {
  readonly user: UserInfo;
  readonly namespace: string;
  readonly wanted: readonly PolicyRule[];
}

/** What the user would grant without having it, in upstream's words; nothing when all is covered. */
function lack(rbac: Rbac, { user, namespace, wanted }: Wanted): string | undefined {
  const { rules, errors } = rbac.policyRules(user, namespace);
  const missing = uncovered(rules, wanted);
  if (missing.length === 0) return undefined;
  const descriptions = [...new Set(compacted(missing).map(shown))].sort();
  const who = `user ${JSON.stringify(user.name)} (groups=${list(user.groups)})`;
  const resolution = errors.length > 0 ? `; resolution errors: [${errors.join(' ')}]` : '';
  return `${who} is attempting to grant RBAC permissions not currently held:\n${descriptions.join('\n')}${resolution}`;
}

/** Atoms that differ by verb alone become one rule again. */
function compacted(atoms: readonly PolicyRule[]): PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  const others: PolicyRule[] = [];
  for (const atom of atoms) {
    const { verbs, ...rest } = atom;
    const key = JSON.stringify(rest);
    const peer = merged.get(key);
    if (atom.nonResourceURLs) others.push(atom);
    else merged.set(key, peer ? { ...peer, verbs: [...peer.verbs, ...verbs] } : atom);
  }
  return [...others, ...merged.values()];
}

function shown(rule: PolicyRule): string {
  const parts = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const;
  const given = parts.filter(([, items]) => items && items.length > 0);
  return `{${given.map(([name, items]) => `${name}:${list(items!)}`).join(', ')}}`;
}

/** As Go prints a list of strings with %q. */
function list(items: readonly string[]): string {
  return `[${items.map((item) => JSON.stringify(item)).join(' ')}]`;
}
