import { difference, hasPath, leaf, type FieldSet } from '#shared/kube/managed-fields/field-set.ts';
import {
  formatOwners,
  ownersOrNone,
  parseOwners,
  withFields,
  type Owner,
  type Owners,
} from '#shared/kube/managed-fields/owners.ts';
import type { ManagedFieldsEntry } from '#shared/kube/types/meta-v1.ts';

const scaleVersion = 'autoscaling/v1';
const scalePath = ['f:spec', 'f:replicas'];

/** Where a kind keeps its replicas: `['spec', 'replicas']`, by `group/version`. */
export type ReplicasPaths = Readonly<Record<string, readonly string[]>>;

/** The entries that a Scale object shows of its parent's: whoever owns the replicas. */
export function toScale(
  parentEntries: readonly ManagedFieldsEntry[] | undefined,
  paths: ReplicasPaths,
): readonly ManagedFieldsEntry[] | undefined {
  const shown: Owners = new Map();
  for (const [id, owner] of parseOwners(parentEntries)) {
    const path = elementsOf(paths[owner.apiVersion]);
    if (!path || !hasPath(owner.fields, path)) continue;
    shown.set(id, { ...withoutEntry(owner), apiVersion: scaleVersion, fields: setAt(scalePath) });
  }
  return formatOwners(shown, undefined);
}

/** The parent's entries after a write to its scale left `scaleEntries` on the Scale object. */
export function toParent(
  parentEntries: readonly ManagedFieldsEntry[] | undefined,
  scaleEntries: readonly ManagedFieldsEntry[] | undefined,
  { apiVersion, paths }: { readonly apiVersion: string; readonly paths: ReplicasPaths },
): readonly ManagedFieldsEntry[] | undefined {
  const parent = ownersOrNone(parentEntries);
  const scale = ownersOrNone(scaleEntries);
  const joined: Owners = new Map();
  for (const [id, owner] of parent) {
    if (!(owner.apiVersion in paths)) continue;
    const path = elementsOf(paths[owner.apiVersion]);
    if (!path || !hasPath(owner.fields, path)) joined.set(id, owner);
    else if (scale.delete(id)) joined.set(id, owner);
    else {
      const fields = difference(owner.fields, setAt(path));
      if (fields) joined.set(id, withFields(owner, fields));
    }
  }
  const path = elementsOf(paths[apiVersion]);
  for (const [id, owner] of scale) {
    if (!path || !hasPath(owner.fields, scalePath)) continue;
    joined.set(id, { ...withoutEntry(owner), apiVersion, fields: setAt(path) });
  }
  return formatOwners(joined, parentEntries);
}

function withoutEntry(owner: Owner): Owner {
  const { entry: _, ...rest } = owner;
  return rest;
}

function elementsOf(path: readonly string[] | undefined): readonly string[] | undefined {
  return path?.map((name) => `f:${name}`);
}

function setAt(path: readonly string[]): FieldSet {
  return path.reduceRight<FieldSet>((node, element) => ({ [element]: node }), leaf);
}
