import { fieldsIn } from '#shared/kube/managed-fields/configuration.ts';
import {
  difference,
  intersection,
  leaf,
  union,
  type FieldSet,
} from '#shared/kube/managed-fields/field-set.ts';
import { removeFields } from '#shared/kube/managed-fields/merge.ts';
import type { Owner, Owners } from '#shared/kube/managed-fields/owners.ts';
import {
  convertTo,
  versionOf,
  type OwnedEndpoint,
  type OwnedVersion,
} from '#shared/kube/managed-fields/update.ts';
import { isDeclared, memberSchema, type JsonObject } from '#shared/kube/managed-fields/values.ts';
import type { Schema } from '#shared/kube/schema.ts';

export interface Pruning {
  readonly merged: JsonObject;
  /** With what the applier owns from now on. */
  readonly owners: Owners;
  /** What the applier owned until now. */
  readonly last: Owner | undefined;
}

/**
 * Takes away what the applier applied before, does not apply now, and nobody else owns. Items and
 * members that still hold something of somebody else stay.
 */
export function prune(endpoint: OwnedEndpoint, { merged, owners, last }: Pruning): JsonObject {
  if (!last?.fields) return merged;
  const version = versionOf(endpoint, last.apiVersion);
  if (!version) return merged;
  const whole = convertTo(endpoint, merged, last.apiVersion);
  const { schema } = version;
  const lastFields = withNamedFields(schema, last.fields);
  let pruned = removeFields(schema, whole, lastFields) as JsonObject | null;
  pruned = addBackOwned(endpoint, { whole, pruned, version, owners });
  const left = withNamedFields(schema, fieldsIn(schema, pruned));
  const all = withNamedFields(schema, fieldsIn(schema, whole));
  const dangling = intersection(difference(all, left), lastFields);
  const result = removeFields(schema, whole, dangling) as JsonObject;
  return convertTo(endpoint, result, endpoint.apiVersion);
}

interface AddingBack {
  readonly whole: JsonObject;
  readonly pruned: JsonObject | null;
  readonly version: OwnedVersion;
  readonly owners: Owners;
}

/** What somebody owns stays; in the pruned version first, then in each that an owner names. */
function addBackOwned(
  endpoint: OwnedEndpoint,
  { whole, pruned, version, owners }: AddingBack,
): JsonObject | null {
  const owned = new Map<string, FieldSet | undefined>();
  for (const { apiVersion, fields } of owners.values()) {
    owned.set(apiVersion, union(owned.get(apiVersion), fields));
  }
  const others = [...owned.keys()].filter((apiVersion) => apiVersion !== version.apiVersion);
  let before = whole;
  let after = pruned;
  for (const apiVersion of [version.apiVersion, ...others]) {
    const at = versionOf(endpoint, apiVersion);
    if (!at || !owned.has(apiVersion)) continue;
    before = convertTo(endpoint, before, apiVersion);
    after = after && convertTo(endpoint, after, apiVersion);
    const named = (fields: FieldSet | undefined): FieldSet | undefined =>
      withNamedFields(at.schema, fields);
    const kept = union(named(fieldsIn(at.schema, after)), named(owned.get(apiVersion)));
    const gone = difference(named(fieldsIn(at.schema, before)), kept);
    after = removeFields(at.schema, before, gone) as JsonObject | null;
  }
  return after && convertTo(endpoint, after, version.apiVersion);
}

/** The set with the declared members on the way to its fields, which usually nobody names. */
function withNamedFields(schema: Schema, fields: FieldSet | undefined): FieldSet | undefined {
  if (!fields || fields === leaf) return fields;
  const named: Record<string, FieldSet> = {};
  for (const element in fields) {
    const node = fields[element]!;
    if (node === leaf) {
      named[element] = node;
      continue;
    }
    const isField = element.startsWith('f:');
    const name = element.slice(2);
    const inner = isField
      ? memberSchema(schema, name)
      : schema.kind === 'list'
        ? schema.items
        : undefined;
    const children = inner ? withNamedFields(inner, node)! : node;
    named[element] =
      isField && isDeclared(schema, name) && !children['.'] ? { '.': leaf, ...children } : children;
  }
  return named;
}
