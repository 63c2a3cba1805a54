import { serviceAccountName } from '#main/control-plane/apiserver/authentication/users.ts';
import {
  compileRule,
  type CompiledRule,
} from '#main/control-plane/apiserver/authorization/policy-rules.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { clusterRoleBindings } from '#shared/api/rbac/cluster-role-binding.ts';
import { clusterRoles } from '#shared/api/rbac/cluster-role.ts';
import { roleBindings } from '#shared/api/rbac/role-binding.ts';
import { roles } from '#shared/api/rbac/role.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from '#shared/api/types/rbac-v1.ts';
import { keyOf } from '#shared/kube/object.ts';

/** One subject of one binding. */
export interface Bound {
  /** Where the binding is; '' for a cluster role binding. */
  readonly namespace: string;
  readonly bindingName: string;
  readonly roleRef: RoleRef;
  /** Which of the binding's subjects this is. */
  readonly position: number;
  /** `ClusterRoleBinding "a" of ClusterRole "b" to Group "c"` */
  readonly description: string;
}

/** Bindings by namespace ('' for the cluster's) and by subject. */
type Bindings = Map<string, Map<string, Set<Bound>>>;

export const userKey = (name: string): string => `user ${name}`;
export const groupKey = (name: string): string => `group ${name}`;

/** Roles by name and bindings by subject, kept up with every change. */
export class RbacIndex implements Disposable {
  readonly #roles = new Map<string, readonly CompiledRule[]>();
  readonly #bindings: Bindings = new Map();
  readonly #bound = new Map<string, readonly Bound[]>();
  readonly #subscriptions = new DisposableStack();

  /** `onChange` runs after each change, before anything else is asked. */
  constructor(objects: ObjectCache, onChange: () => void) {
    const follow = this.#subscriptions;
    follow.use(
      objects.subscribe(clusterRoles, ({ before, after }) => {
        this.#putRole(before, after);
        onChange();
      }),
    );
    follow.use(
      objects.subscribe(roles, ({ before, after }) => {
        this.#putRole(before, after);
        onChange();
      }),
    );
    follow.use(
      objects.subscribe(clusterRoleBindings, ({ before, after }) => {
        this.#putBinding(before, after);
        onChange();
      }),
    );
    follow.use(
      objects.subscribe(roleBindings, ({ before, after }) => {
        this.#putBinding(before, after);
        onChange();
      }),
    );
  }

  /** What the reference grants where the binding is; nothing when there is no such role. */
  rules({
    namespace,
    roleRef,
  }: Pick<Bound, 'namespace' | 'roleRef'>): readonly CompiledRule[] | undefined {
    return this.#roles.get(roleRef.kind === 'Role' ? `${namespace}/${roleRef.name}` : roleRef.name);
  }

  /** One entry for each binding in this namespace that has one of these subjects, by the binding's name. */
  boundTo(namespace: string, subjects: readonly string[]): readonly Bound[] {
    const here = this.#bindings.get(namespace);
    if (!here) return [];
    const found = new Map<string, Bound>();
    for (const subject of subjects)
      for (const bound of here.get(subject) ?? []) {
        const other = found.get(bound.bindingName);
        if (!other || bound.position < other.position) found.set(bound.bindingName, bound);
      }
    return [...found.values()].sort((a, b) => (a.bindingName < b.bindingName ? -1 : 1));
  }

  [Symbol.dispose](): void {
    this.#subscriptions.dispose();
  }

  #putRole(before: Role | ClusterRole | undefined, after: Role | ClusterRole | undefined): void {
    if (after) this.#roles.set(keyOf(after.metadata), (after.rules ?? []).map(compileRule));
    else if (before) this.#roles.delete(keyOf(before.metadata));
  }

  #putBinding(
    before: RoleBinding | ClusterRoleBinding | undefined,
    after: RoleBinding | ClusterRoleBinding | undefined,
  ): void {
    const { metadata } = (after ?? before)!;
    const { namespace = '' } = metadata;
    const key = keyOf(metadata);
    const here = this.#bindings.get(namespace) ?? new Map<string, Set<Bound>>();
    for (const bound of this.#bound.get(key) ?? []) {
      const subject = keyOfSubject(subjectAt(before, bound), namespace);
      const peers = here.get(subject);
      peers?.delete(bound);
      if (peers?.size === 0) here.delete(subject);
    }
    this.#bound.delete(key);
    const all = after ? boundsOf(after) : [];
    for (const bound of all) {
      const subject = keyOfSubject(subjectAt(after, bound), namespace);
      const peers = here.get(subject);
      if (peers) peers.add(bound);
      else here.set(subject, new Set([bound]));
    }
    if (all.length > 0) this.#bound.set(key, all);
    if (here.size > 0) this.#bindings.set(namespace, here);
    else this.#bindings.delete(namespace);
  }
}

function subjectAt(
  binding: RoleBinding | ClusterRoleBinding | undefined,
  { position }: Bound,
): Subject {
  return binding!.subjects![position]!;
}

function boundsOf(binding: RoleBinding | ClusterRoleBinding): Bound[] {
  const { metadata, roleRef, subjects = [] } = binding;
  const { namespace = '', name } = metadata;
  const shown = JSON.stringify(namespace ? `${name}/${namespace}` : name);
  return subjects.map((subject, position) => ({
    namespace,
    bindingName: name,
    roleRef,
    position,
    description: `${binding.kind} ${shown} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${shownSubject(subject, namespace)}`,
  }));
}

function shownSubject({ kind, name, namespace }: Subject, bindingNamespace: string): string {
  const full = kind === 'ServiceAccount' ? `${name}/${namespace || bindingNamespace}` : name;
  return `${kind} ${JSON.stringify(full)}`;
}

/** Under which key a caller finds the subject; one that is nobody's where the subject can be nobody. */
function keyOfSubject({ kind, name, namespace }: Subject, bindingNamespace: string): string {
  if (kind === 'User') return userKey(name);
  if (kind === 'Group') return groupKey(name);
  const home = namespace || bindingNamespace;
  return kind === 'ServiceAccount' && home ? userKey(serviceAccountName(home, name)) : 'nobody';
}
