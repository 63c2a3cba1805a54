import { ApiError, type FieldError } from '#shared/kube/errors.ts';
import { complaintsAbout, fieldsIn } from '#shared/kube/managed-fields/configuration.ts';
import {
  matching,
  pathsOf,
  recursiveDifference,
  setOf,
  difference,
  union,
  type FieldSet,
} from '#shared/kube/managed-fields/field-set.ts';
import { allowedByLastApplied, withLastApplied } from '#shared/kube/managed-fields/last-applied.ts';
import { mergeConfiguration } from '#shared/kube/managed-fields/merge.ts';
import {
  formatOwners,
  idOf,
  parseOwners,
  type Owner,
  type Owners,
} from '#shared/kube/managed-fields/owners.ts';
import { prune } from '#shared/kube/managed-fields/prune.ts';
import {
  asJson,
  comparer,
  conflictsWith,
  formatTime,
  reconcileOwners,
  recordUpdate,
  takeFromOthers,
  type OwnedEndpoint,
} from '#shared/kube/managed-fields/update.ts';
import { isRecord, type JsonObject } from '#shared/kube/managed-fields/values.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { isSameJson } from '#shared/kube/patch/json.ts';
import type { ManagedFieldsEntry } from '#shared/kube/types/meta-v1.ts';

export interface Apply {
  /** As it is stored; for a create, what an empty document of the kind decodes to. */
  readonly live: KubeObject;
  /** What an empty document of the kind decodes to. */
  readonly empty: KubeObject;
  /** The body as it was sent. */
  readonly config: unknown;
  readonly manager: string;
  readonly force: boolean;
  /** In milliseconds. */
  readonly now: number;
}

export interface Applied {
  /** Has still to be decoded and given its defaults; without `managedFields`. */
  readonly object: JsonObject;
  readonly managedFields: readonly ManagedFieldsEntry[] | undefined;
}

/** Nobody's own fields: the names by which an object is found. */
const unownedFields = setOf(
  ['apiVersion'],
  ['kind'],
  ['metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['metadata', name]),
);

/**
 * Server-side apply: the manager comes to own exactly what its configuration says, and what it said
 * before and nobody else owns goes away.
 *
 * Throws 409 with a cause per field when others own what would change (unless `force`), 400 for
 * another kind or for `managedFields` in the configuration, and a 500 without reason for one that
 * does not fit the schema, as upstream does.
 */
export function onApply(endpoint: OwnedEndpoint, apply: Apply): Applied {
  const config = checkConfiguration(endpoint, apply);
  const owners = trackedOwners(endpoint, apply);
  const merged = merge(endpoint, { ...apply, config, owners });
  const object =
    apply.manager === 'kubectl' ? withLastApplied(merged.object, config) : merged.object;
  return {
    object,
    managedFields: formatOwners(merged.owners, apply.live.metadata.managedFields),
  };
}

function checkConfiguration(endpoint: OwnedEndpoint, { config, live }: Apply): JsonObject {
  const { apiVersion, kind, schema } = endpoint;
  if (!isRecord(config)) {
    throw new ApiError('BadRequest', 'error decoding YAML: the configuration is not an object');
  }
  if (config['apiVersion'] !== apiVersion || config['kind'] !== kind) {
    throw new ApiError(
      'BadRequest',
      `invalid object type: ${describeKind(config['apiVersion'], config['kind'])}`,
    );
  }
  const metadata = isRecord(config['metadata']) ? config['metadata'] : {};
  if ((metadata['managedFields'] ?? null) !== null) {
    throw new ApiError('BadRequest', 'metadata.managedFields must be nil');
  }
  const complaints = complaintsAbout(schema, config);
  if (complaints) {
    const { namespace = '', name = live.metadata.name } = metadata;
    throw new ApiError(
      '',
      `failed to create typed patch object (${String(namespace)}/${String(name)}; ${describeKind(apiVersion, kind)}): ${complaints}`,
    );
  }
  return config;
}

/** As Go prints a GroupVersionKind. */
function describeKind(apiVersion: unknown, kind: unknown): string {
  const text = typeof apiVersion === 'string' ? apiVersion : '';
  const slash = text.includes('/') ? text : `/${text}`;
  return `${slash}, Kind=${typeof kind === 'string' ? kind : ''}`;
}

/** An object that nobody's fields were tracked of gets an owner for what it has already. */
function trackedOwners(endpoint: OwnedEndpoint, { live, empty, now }: Apply): Owners {
  let owners: Owners;
  try {
    owners = parseOwners(live.metadata.managedFields);
  } catch (error) {
    throw new ApiError('', `failed to decode managed fields: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (owners.size === 0) {
    const update = { live: empty, updated: live, manager: 'before-first-apply', now };
    recordUpdate(endpoint, owners, update);
  }
  return owners;
}

interface Merge extends Apply {
  readonly config: JsonObject;
  readonly owners: Owners;
}

function merge(endpoint: OwnedEndpoint, apply: Merge): { object: JsonObject; owners: Owners } {
  const { live, config, manager, force, now } = apply;
  const { schema, apiVersion, subresource, resetFields, onlyFields } = endpoint;
  const owners: Owners = new Map(apply.owners);
  reconcileOwners(endpoint, owners);
  const before = withoutManagedFields(asJson(live));
  const joined = mergeConfiguration(schema, before, config) as JsonObject;
  const identity = {
    manager: manager || 'unknown',
    operation: 'Apply',
    apiVersion,
    subresource,
  } as const;
  const id = idOf(identity);
  const last = owners.get(id);
  const spoken = recursiveDifference(fieldsIn(schema, config), resetFields);
  const wanted = onlyFields ? matching(spoken, onlyFields) : spoken;
  const fields = difference(wanted, unownedFields);
  owners.set(id, { ...identity, time: last?.time, fields: wanted });
  const object = prune(endpoint, { merged: joined, owners, last });
  const compare = comparer(endpoint, live, object as unknown as KubeObject);
  if (!force) refuseConflicts(conflictsWith(owners, compare, id), apply, endpoint);
  takeFromOthers(owners, compare, id);
  const isChanged = !isSameJson(before, object);
  const self: Owner = {
    ...identity,
    time: isChanged ? formatTime(now) : last?.time,
    fields,
  };
  if (fields) owners.set(id, keepEntry(self, last));
  else owners.delete(id);
  return { object: isChanged ? object : before, owners };
}

/** The entry stays the same by reference when neither its fields nor its time moved. */
function keepEntry(self: Owner, last: Owner | undefined): Owner {
  if (!last?.entry || last.time !== self.time || last.apiVersion !== self.apiVersion) return self;
  const isSame = !difference(self.fields, last.fields) && !difference(last.fields, self.fields);
  return isSame ? last : self;
}

function withoutManagedFields(object: JsonObject): JsonObject {
  const { managedFields: _, ...metadata } = object['metadata'] as JsonObject;
  return { ...object, metadata };
}

function refuseConflicts(
  conflicts: ReadonlyMap<string, FieldSet>,
  { owners, live, manager }: Merge,
  endpoint: OwnedEndpoint,
): void {
  if (conflicts.size === 0) return;
  let remaining = conflicts;
  if (manager === 'kubectl') {
    const allowed = allowedByLastApplied(endpoint, asJson(live));
    if (allowed) {
      let all: FieldSet | undefined;
      for (const fields of conflicts.values()) all = union(all, fields);
      if (!difference(all, allowed)) return;
      remaining = new Map(
        [...conflicts].flatMap(([id, fields]) => {
          const rest = difference(fields, allowed);
          return rest ? [[id, rest] as const] : [];
        }),
      );
    }
  }
  throw conflictError(
    [...remaining]
      .map(([id, fields]) => ({ owner: owners.get(id)!, paths: pathsOf(fields) }))
      .sort((left, right) => (sortKey(left.owner) < sortKey(right.owner) ? -1 : 1))
      .map(({ owner, paths }) => ({ owner: describeOwner(owner), paths })),
  );
}

function conflictError(
  conflicts: readonly { readonly owner: string; readonly paths: readonly string[] }[],
): ApiError {
  const causes = conflicts.flatMap(({ owner, paths }) =>
    paths.map((field): FieldError => ({
      type: 'FieldManagerConflict',
      field,
      message: `conflict with ${owner}`,
    })),
  );
  const [first] = causes;
  const text =
    first && causes.length === 1
      ? `1 conflict: ${first.message}: ${first.field}`
      : `${causes.length} conflicts: ${conflicts
          .flatMap(({ owner, paths }) => [
            `conflicts with ${owner}:`,
            ...paths.map((path) => `- ${path}`),
          ])
          .join('\n')}`;
  return new ApiError('Conflict', `Apply failed with ${text}`, { causes });
}

/** Upstream sorts by the JSON of the identity. */
function sortKey({ manager, operation, apiVersion, subresource }: Owner): string {
  return JSON.stringify({
    manager,
    operation,
    ...(operation === 'Update' && { apiVersion }),
    ...(subresource && { subresource }),
  });
}

/** Such as `"kubectl" with subresource "status" using apps/v1`. */
function describeOwner({ manager, subresource, operation, apiVersion }: Owner): string {
  const through = subresource ? ` with subresource ${JSON.stringify(subresource)}` : '';
  const using = operation === 'Update' ? ` using ${apiVersion}` : '';
  return `${JSON.stringify(manager)}${through}${using}`;
}
