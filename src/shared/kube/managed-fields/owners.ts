import {
  isSameSet,
  parseFields,
  seal,
  union,
  type FieldSet,
} from '#shared/kube/managed-fields/field-set.ts';
import type { ManagedFieldsEntry } from '#shared/kube/types/meta-v1.ts';

/** One entry of `metadata.managedFields` that owns at least one field. */
export interface Owner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly fields: FieldSet | undefined;
  /** The entry that says exactly this. */
  readonly entry?: ManagedFieldsEntry;
}

/** By identity: who, how, through what, and in which version unless by apply. */
export type Owners = Map<string, Owner>;

type Identity = Pick<Owner, 'manager' | 'operation' | 'apiVersion' | 'subresource'>;

const maxUpdaters = 10;
const ancient = 'ancient-changes';

export function idOf({ manager, operation, apiVersion, subresource }: Identity): string {
  return `${manager}\0${operation}\0${operation === 'Apply' ? '' : apiVersion}\0${subresource}`;
}

/** Throws when an entry is malformed. */
export function parseOwners(entries: readonly ManagedFieldsEntry[] | undefined): Owners {
  const owners: Owners = new Map();
  for (const [index, entry] of (entries ?? []).entries()) {
    const { operation, apiVersion, fieldsType } = entry;
    if (operation !== 'Apply' && operation !== 'Update') {
      throw new Error('operation must be `Apply` or `Update`');
    }
    if (!apiVersion) throw new Error('apiVersion must not be empty');
    if (!fieldsType) throw new Error(`missing fieldsType in managed fields entry ${index}`);
    if (fieldsType !== 'FieldsV1') {
      throw new Error(
        `invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`,
      );
    }
    const fields = parseFields(entry.fieldsV1);
    const { manager = '', subresource = '', time } = entry;
    const owner = { manager, operation, apiVersion, subresource, time, fields } as const;
    owners.set(idOf(owner), fields === entry.fieldsV1 ? { ...owner, entry } : owner);
  }
  return owners;
}

/** The same; nobody owns anything when an entry is malformed. */
export function ownersOrNone(entries: readonly ManagedFieldsEntry[] | undefined): Owners {
  try {
    return parseOwners(entries);
  } catch {
    return new Map(); // upstream starts afresh rather than refuse the write
  }
}

/** The entries in upstream's order; `previous` itself when they are the same. */
export function formatOwners(
  owners: Owners,
  previous: readonly ManagedFieldsEntry[] | undefined,
): readonly ManagedFieldsEntry[] | undefined {
  if (owners.size === 0) return undefined;
  const entries = [...owners.values()].sort(compareOwners).map(entryOf);
  const isSame =
    previous?.length === entries.length && entries.every((entry, i) => entry === previous[i]);
  return isSame ? previous : entries;
}

function entryOf({ entry, ...owner }: Owner): ManagedFieldsEntry {
  if (entry) return entry;
  const { manager, operation, apiVersion, subresource, time, fields } = owner;
  return {
    ...(manager && { manager }),
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: fields ? seal(fields) : {},
    ...(subresource && { subresource }),
  };
}

function compareOwners(left: Owner, right: Owner): number {
  return (
    compareTexts(left.operation, right.operation) ||
    compareTexts(left.time ?? '', right.time ?? '') ||
    compareTexts(left.manager, right.manager) ||
    compareTexts(left.apiVersion, right.apiVersion) ||
    compareTexts(left.subresource, right.subresource)
  );
}

function compareTexts(left: string, right: string): number {
  return left === right ? 0 : left < right ? -1 : 1;
}

/** The same owner with other fields, which keeps its entry as long as nothing differs. */
export function withFields(owner: Owner, fields: FieldSet | undefined): Owner {
  if (owner.fields === fields) return owner;
  if (isSameSet(owner.fields, fields)) return owner;
  const { entry: _, ...rest } = owner;
  return { ...rest, fields };
}

/** Joins the oldest updaters, per version, until no more than ten are left. */
export function capUpdaters(owners: Owners): void {
  if (owners.size <= maxUpdaters) return;
  const updaters = [...owners]
    .filter(([, { operation }]) => operation === 'Update')
    .sort(
      ([leftId, left], [rightId, right]) =>
        compareTexts(left.time ?? '', right.time ?? '') || compareTexts(leftId, rightId),
    );
  let excess = updaters.length - maxUpdaters;
  const firstOf = new Map<string, string>();
  for (const [id, owner] of updaters) {
    if (excess <= 0) return;
    const { apiVersion, time } = owner;
    const bucket = {
      manager: ancient,
      operation: 'Update',
      apiVersion,
      subresource: '',
    } as const;
    const bucketId = idOf(bucket);
    const first = firstOf.get(apiVersion);
    if (first === undefined) {
      firstOf.set(apiVersion, id);
      continue;
    }
    let joined = owners.get(bucketId)?.fields;
    if (!owners.has(bucketId)) {
      joined = owners.get(first)?.fields;
      owners.delete(first);
    }
    owners.delete(id);
    owners.set(bucketId, { ...bucket, time, fields: union(owner.fields, joined) });
    excess--;
  }
}
