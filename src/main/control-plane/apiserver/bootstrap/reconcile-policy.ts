import { uncovered } from '#main/control-plane/apiserver/authorization/policy-rules.ts';
import {
  autoUpdate,
  desiredClusterRoleBindings,
  desiredClusterRoles,
  desiredRoleBindings,
  desiredRoles,
  type DesiredBinding,
  type DesiredRole,
} from '#main/control-plane/apiserver/bootstrap/policy.ts';
import { isSame } from '#main/control-plane/apiserver/bootstrap/same.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { clusterRoleBindings } from '#shared/api/rbac/cluster-role-binding.ts';
import { clusterRoles } from '#shared/api/rbac/cluster-role.ts';
import { roleBindings } from '#shared/api/rbac/role-binding.ts';
import { roles } from '#shared/api/rbac/role.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from '#shared/api/types/rbac-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject, New } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

type AnyRole = Role | ClusterRole;
type AnyBinding = RoleBinding | ClusterRoleBinding;

/**
 * Brings the default roles and bindings to at least what they should be, as upstream does at each
 * start: adds what is missing, keeps what somebody added, leaves alone what is marked with
 * `autoupdate: "false"`.
 */
export async function reconcilePolicy(cluster: Cluster, objects: ObjectCache): Promise<void> {
  const role =
    <T extends AnyRole>(resource: Resource<T>) =>
    (desired: DesiredRole): Promise<void> => {
      const found = objects.get(resource, desired.metadata);
      return write(cluster, resource, {
        found,
        make: () => newRole(desired) as New<T>,
        change: (old) => changedRole(old, desired) as T | undefined,
      });
    };
  const binding =
    <T extends AnyBinding>(resource: Resource<T>) =>
    async (desired: DesiredBinding): Promise<void> => {
      const found = objects.get(resource, desired.metadata);
      const isReplaced = found !== undefined && isOpen(found) && !refersTo(found, desired);
      if (isReplaced) await cluster.delete(resource, desired.metadata);
      await write(cluster, resource, {
        found: isReplaced ? undefined : found,
        make: () => desired as unknown as New<T>,
        change: (old) => changedBinding(old, desired) as T | undefined,
      });
    };
  await Promise.all([
    ...desiredClusterRoles.map(role(clusterRoles)),
    ...desiredRoles.map(role(roles)),
    ...desiredClusterRoleBindings.map(binding(clusterRoleBindings)),
    ...desiredRoleBindings.map(binding(roleBindings)),
  ]);
}

interface Plan<T extends KubeObject> {
  readonly found: T | undefined;
  make(): New<T>;
  change(old: T): T | undefined;
}

/** Creates or changes; whoever came first with the same object, or with another change of it, wins. */
async function write<T extends KubeObject>(
  cluster: Cluster,
  resource: Resource<T>,
  { found, make, change }: Plan<T>,
): Promise<void> {
  try {
    if (!found) await cluster.create(resource, make());
    else if (isOpen(found)) {
      const changed = change(found);
      if (changed) await cluster.update(resource, changed);
    }
  } catch (error) {
    if (ApiError.is(error, 'AlreadyExists')) return;
    if (!ApiError.is(error, 'Conflict') || !found) throw error;
    const { namespace, name } = found.metadata;
    const newest = await cluster.get(resource, { namespace, name });
    const changed = isOpen(newest) ? change(newest) : undefined;
    if (changed) await cluster.update(resource, changed);
  }
}

function isOpen({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[autoUpdate] !== 'false';
}

/** The rules of an aggregated role are left to be collected. */
function newRole({ metadata, rules, aggregationRule }: DesiredRole): New<ClusterRole> {
  return aggregationRule ? { metadata, aggregationRule } : { metadata, rules };
}

function refersTo({ roleRef }: AnyBinding, desired: DesiredBinding): boolean {
  const wanted = desired.roleRef;
  return (
    roleRef.kind === wanted.kind &&
    roleRef.name === wanted.name &&
    roleRef.apiGroup === wanted.apiGroup
  );
}

function changedRole(old: AnyRole, desired: DesiredRole): AnyRole | undefined {
  const metadata = mergedMetadata(old, desired);
  const rules = missingRules(old.rules ?? [], desired);
  const selectors = (old as ClusterRole).aggregationRule?.clusterRoleSelectors ?? [];
  const wanted = desired.aggregationRule?.clusterRoleSelectors ?? [];
  const missing = wanted.filter((selector) => !selectors.some((own) => isSame(own, selector)));
  if (!metadata && rules.length === 0 && missing.length === 0) return undefined;
  return {
    ...old,
    metadata: metadata ?? old.metadata,
    rules: rules.length > 0 ? [...(old.rules ?? []), ...rules] : old.rules,
    ...(missing.length > 0 && {
      aggregationRule: { clusterRoleSelectors: [...selectors, ...missing] },
    }),
  };
}

/** The rules of an aggregated role are the aggregating controller's alone. */
function missingRules(held: readonly PolicyRule[], desired: DesiredRole): readonly PolicyRule[] {
  return desired.aggregationRule ? [] : uncovered(held, desired.rules);
}

function changedBinding(old: AnyBinding, desired: DesiredBinding): AnyBinding | undefined {
  const metadata = mergedMetadata(old, desired);
  const subjects = old.subjects ?? [];
  const wanted = desired.subjects ?? [];
  const missing = wanted.filter((one) => !subjects.some((own) => isSame(own, one)));
  if (!metadata && missing.length === 0) return undefined;
  return {
    ...old,
    metadata: metadata ?? old.metadata,
    ...(missing.length > 0 && { subjects: [...subjects, ...missing] as readonly Subject[] }),
  };
}

/** Desired labels and annotations where they are absent; nothing when none is. */
function mergedMetadata(
  { metadata }: KubeObject,
  desired: { readonly metadata: DesiredRole['metadata'] },
): KubeObject['metadata'] | undefined {
  const labels = { ...desired.metadata.labels, ...metadata.labels };
  const annotations = { ...desired.metadata.annotations, ...metadata.annotations };
  const size = (map: object | undefined): number => Object.keys(map ?? {}).length;
  const isComplete =
    size(labels) === size(metadata.labels) && size(annotations) === size(metadata.annotations);
  return isComplete ? undefined : { ...metadata, labels, annotations };
}
