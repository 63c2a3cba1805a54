import { compareObjects, type Comparison } from '#shared/kube/managed-fields/compare.ts';
import {
  difference,
  matching,
  intersection,
  union,
  type FieldSet,
} from '#shared/kube/managed-fields/field-set.ts';
import {
  capUpdaters,
  formatOwners,
  idOf,
  ownersOrNone,
  parseOwners,
  withFields,
  type Owners,
} from '#shared/kube/managed-fields/owners.ts';
import { UnaddressableItem } from '#shared/kube/managed-fields/path-element.ts';
import type { EndpointFields } from '#shared/kube/managed-fields/reset-fields.ts';
import { reconcile } from '#shared/kube/managed-fields/reconcile.ts';
import type { JsonObject } from '#shared/kube/managed-fields/values.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { isSameJson } from '#shared/kube/patch/json.ts';
import type { StructSchema } from '#shared/kube/schema.ts';
import type { ManagedFieldsEntry } from '#shared/kube/types/meta-v1.ts';

/** One version of a kind, as one endpoint (the object itself or a subresource) sees it. */
export interface OwnedVersion extends EndpointFields {
  readonly schema: StructSchema;
  readonly apiVersion: string;
}

/** Where a write comes in. */
export interface OwnedEndpoint extends OwnedVersion {
  readonly kind: string;
  /** '' for the object itself. */
  readonly subresource: string;
  /** What entries in another version mean; without it, or where it knows none, they are dropped. */
  inVersion?(apiVersion: string): OwnedVersion | undefined;
  /** To any version that `inVersion` knows, and back. */
  convert?(object: KubeObject, apiVersion: string): KubeObject;
}

export interface Update {
  /** As it is stored; for a create, what an empty document of the kind decodes to. */
  readonly live: KubeObject;
  /** Decoded and with defaults, before admission. */
  readonly updated: KubeObject;
  /** `fieldManager`, or the user agent up to its first slash. */
  readonly manager: string;
  /** In milliseconds. */
  readonly now: number;
}

/**
 * The `metadata.managedFields` after a create, an update or a patch: whoever writes owns what
 * changed, all others lose it, and nobody owns what is gone. Entries that stay the same are the
 * same by reference, and so is the whole list.
 */
export function onUpdate(
  endpoint: OwnedEndpoint,
  update: Update,
): readonly ManagedFieldsEntry[] | undefined {
  const { live, updated } = update;
  const owners = currentOwners(endpoint, live, updated);
  const isCreate = !live.metadata.uid;
  if (owners.size === 0 && !isCreate) return undefined; // tracking starts at creation or first apply
  try {
    recordUpdate(endpoint, owners, update);
  } catch (error) {
    if (error instanceof UnaddressableItem) return undefined; // validation refuses the object itself
    throw error;
  }
  capUpdaters(owners);
  return formatOwners(owners, live.metadata.managedFields);
}

/** What the client sent counts, unless it sent nothing or nonsense; `[]` and `[{}]` reset all. */
function currentOwners(
  { subresource }: OwnedEndpoint,
  live: KubeObject,
  updated: KubeObject,
): Owners {
  const current = live.metadata.managedFields;
  const sent = updated.metadata.managedFields;
  if (subresource || !sent || sent === current) return ownersOrNone(current);
  if (sent.length === 0) return new Map();
  if (sent.length === 1 && Object.keys(sent[0]!).length === 0) return new Map();
  if (isSameJson(sent, current)) return ownersOrNone(current); // known by reference, so parsed already
  try {
    const owners = parseOwners(sent);
    if (owners.size > 0) return owners;
  } catch {
    // a client that does not understand the field must not delete it: the live one counts
  }
  return ownersOrNone(current);
}

/** Changes `owners` by what one update does; shared with the first apply to an untracked object. */
export function recordUpdate(endpoint: OwnedEndpoint, owners: Owners, update: Update): void {
  const { apiVersion, subresource } = endpoint;
  reconcileOwners(endpoint, owners);
  const comparisons = comparer(endpoint, update.live, update.updated);
  const identity = {
    manager: update.manager || 'unknown',
    operation: 'Update',
    apiVersion,
    subresource,
  } as const;
  const id = idOf(identity);
  takeFromOthers(owners, comparisons, id);
  const { changed, removed } = comparisons(apiVersion)!;
  const previous = owners.get(id);
  const fields = union(difference(previous?.fields, removed), changed);
  if (!fields) owners.delete(id);
  else if (changed) owners.set(id, { ...identity, time: formatTime(update.now), fields });
  else if (previous) owners.set(id, withFields(previous, fields));
}

/** Brings entries that an older schema wrote in line; drops those in versions that are gone. */
export function reconcileOwners(endpoint: OwnedEndpoint, owners: Owners): void {
  for (const [id, owner] of owners) {
    const version = versionOf(endpoint, owner.apiVersion);
    if (!version) owners.delete(id);
    else owners.set(id, withFields(owner, reconcile(version.schema, owner.fields)));
  }
}

export function versionOf(endpoint: OwnedEndpoint, apiVersion: string): OwnedVersion | undefined {
  return apiVersion === endpoint.apiVersion ? endpoint : endpoint.inVersion?.(apiVersion);
}

/** Compares in each version that an owner names, once. */
export type Comparer = (apiVersion: string) => Comparison | undefined;

export function comparer(endpoint: OwnedEndpoint, before: KubeObject, after: KubeObject): Comparer {
  const { apiVersion } = endpoint;
  const own = compareVersion(endpoint, asJson(before), asJson(after));
  const others = new Map<string, Comparison | undefined>([[apiVersion, own]]);
  return (wanted) => {
    if (others.has(wanted)) return others.get(wanted);
    const version = endpoint.inVersion?.(wanted);
    const comparison =
      version &&
      compareVersion(
        version,
        convertTo(endpoint, asJson(before), wanted),
        convertTo(endpoint, asJson(after), wanted),
      );
    others.set(wanted, comparison);
    return comparison;
  };
}

function compareVersion(
  { schema, resetFields, onlyFields }: OwnedVersion,
  before: JsonObject,
  after: JsonObject,
): Comparison {
  const comparison = compareObjects(schema, before, after, resetFields);
  if (!onlyFields) return comparison;
  return {
    changed: matching(comparison.changed, onlyFields),
    removed: matching(comparison.removed, onlyFields),
  };
}

/** What others own of what changed: their conflicts, by owner. */
export function conflictsWith(
  owners: Owners,
  compare: Comparer,
  self: string | undefined,
): ReadonlyMap<string, FieldSet> {
  const conflicts = new Map<string, FieldSet>();
  for (const [id, owner] of owners) {
    if (id === self) continue;
    const conflict = intersection(owner.fields, compare(owner.apiVersion)?.changed);
    if (conflict) conflicts.set(id, conflict);
  }
  return conflicts;
}

/** Everybody but `self` loses what changed and what was removed; who owns nothing more is dropped. */
export function takeFromOthers(owners: Owners, compare: Comparer, self: string | undefined): void {
  for (const [id, owner] of owners) {
    let { fields } = owner;
    if (id !== self) {
      const comparison = compare(owner.apiVersion);
      if (!comparison) {
        owners.delete(id);
        continue;
      }
      fields = difference(difference(fields, comparison.changed), comparison.removed);
    }
    if (fields) owners.set(id, withFields(owner, fields));
    else owners.delete(id);
  }
}

export function convertTo(
  endpoint: OwnedEndpoint,
  object: JsonObject,
  apiVersion: string,
): JsonObject {
  if (object['apiVersion'] === apiVersion) return object;
  if (!endpoint.convert) throw new Error(`${endpoint.kind} cannot be converted to ${apiVersion}`);
  return asJson(endpoint.convert(object as unknown as KubeObject, apiVersion));
}

export function asJson(object: KubeObject): JsonObject {
  return object as unknown as JsonObject;
}

export function formatTime(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`;
}
