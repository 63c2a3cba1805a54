import type { ManagedFieldsEntry } from '#shared/kube/types/meta-v1.ts';
import { changesBetween, isSame } from './changes.ts';
import {
  indexOfItem,
  isAtomicMap,
  isMapValue,
  isSet,
  itemKey,
  listKeysOf,
  type FieldPath,
  type MapValue,
  type Value,
} from './field-path.ts';
import { memberOf, type Rooted } from './language/schema.ts';

/** Who the window writes as. */
export const fieldManager = 'pilothouse';

/** `fieldsV1`: members by `f:name`, items by `k:{…}` and `v:…`. */
type OwnedFields = Readonly<Record<string, unknown>>;

/** What the window owns of the object already. */
export function ownedFields(entries: readonly ManagedFieldsEntry[] | undefined): OwnedFields {
  const entry = entries?.find(
    ({ manager, operation, subresource }) =>
      manager === fieldManager && operation === 'Apply' && !subresource,
  );
  return (entry?.fieldsV1 as OwnedFields | undefined) ?? {};
}

export interface Intent {
  /** What to apply: what was edited, and what has been applied before and is still wanted. */
  readonly body: MapValue;
  /** Fields that were taken out and belong to somebody else: applying does not remove them. */
  readonly removals: readonly FieldPath[];
}

/**
 * What somebody means who edits a live object: to own what they changed, not the whole of it. `base` is
 * the object as it was when the edit began.
 */
export function intentOf(
  mine: MapValue,
  base: MapValue,
  { owned, rooted }: { readonly owned: OwnedFields; readonly rooted: Rooted | undefined },
): Intent {
  const picked = pick(mine, base, owned, rooted);
  const { apiVersion, kind } = mine;
  const { name, namespace } = isMapValue(mine['metadata']) ? mine['metadata'] : {};
  const body = isMapValue(picked) ? picked : {};
  const metadata = isMapValue(body['metadata']) ? body['metadata'] : {};
  const removals = changesBetween(base, mine, rooted)
    .filter(({ path, after }) => after === undefined && !isOwned(owned, path))
    .map(({ path }) => path);
  return {
    body: {
      ...body,
      apiVersion,
      kind,
      metadata: { ...metadata, name, ...(namespace !== undefined && { namespace }) },
    },
    removals,
  };
}

/** Undefined where there is nothing to apply. */
function pick(
  mine: Value,
  base: Value,
  owned: OwnedFields | undefined,
  rooted: Rooted | undefined,
): Value {
  const isUnchanged = isSame(mine, base);
  if (isUnchanged && (owned === undefined || mine === undefined)) return undefined;
  if (isMapValue(mine) && !isAtomicMap(rooted)) {
    if (base === undefined && Object.keys(mine).length === 0) return mine;
    const entries = Object.entries(mine)
      .map(([name, value]) => {
        const below = isMapValue(base) ? base[name] : undefined;
        return [
          name,
          pick(value, below, sub(owned, `f:${name}`), rooted && memberOf(rooted, name)),
        ] as const;
      })
      .filter(([, value]) => value !== undefined);
    if (entries.length > 0) return Object.fromEntries(entries);
    return isUnchanged && isLeaf(owned) ? mine : undefined;
  }
  const keys = listKeysOf(rooted);
  if (keys && rooted && Array.isArray(mine)) return pickItems(mine, base, { owned, rooted, keys });
  if (isSet(rooted) && Array.isArray(mine)) {
    const before: readonly Value[] = Array.isArray(base) ? base : [];
    const items = (mine as readonly Value[]).filter(
      (item) => !before.includes(item) || sub(owned, `v:${JSON.stringify(item)}`) !== undefined,
    );
    return items.length > 0 ? items : undefined;
  }
  return isUnchanged && owned === undefined ? undefined : mine;
}

interface ListContext {
  readonly owned: OwnedFields | undefined;
  readonly rooted: Rooted;
  readonly keys: readonly string[];
}

function pickItems(
  mine: readonly Value[],
  base: Value,
  { owned, rooted, keys }: ListContext,
): Value {
  const before: readonly Value[] = Array.isArray(base) ? base : [];
  const member = memberOf(rooted, 0);
  const items = mine.flatMap((item) => {
    const key = itemKey(item, keys, rooted);
    const old = before[indexOfItem(before, key)];
    if (old === undefined) return [item];
    const picked = pick(item, old, sub(owned, keyName(key.keys)), member);
    return isMapValue(picked) ? [{ ...key.keys, ...picked }] : [];
  });
  return items.length > 0 ? items : undefined;
}

/** `k:{"name":"web"}`, its members in order, as the server writes it. */
function keyName(keys: MapValue): string {
  const sorted = Object.entries(keys).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `k:${JSON.stringify(Object.fromEntries(sorted))}`;
}

function sub(owned: OwnedFields | undefined, name: string): OwnedFields | undefined {
  const below = owned?.[name];
  return isMapValue(below) ? below : undefined;
}

function isLeaf(owned: OwnedFields | undefined): boolean {
  return owned !== undefined && Object.keys(owned).length === 0;
}

function isOwned(owned: OwnedFields, path: FieldPath): boolean {
  let at: OwnedFields | undefined = owned;
  for (const step of path)
    at = sub(at, typeof step === 'string' ? `f:${step}` : keyName(step.keys));
  return at !== undefined;
}

/** JSON patch operations that take fields out of the live object, the last items of lists first. */
export function removalPatch(
  live: MapValue,
  removals: readonly FieldPath[],
): readonly { readonly op: string; readonly path: string; readonly value?: unknown }[] {
  const pointers = removals.flatMap((path) => pointerOf(live, path) ?? []);
  const { resourceVersion } = isMapValue(live['metadata']) ? live['metadata'] : {};
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    ...pointers.toSorted(laterFirst).map((path) => ({ op: 'remove', path })),
  ];
}

function pointerOf(live: Value, path: FieldPath): string | undefined {
  let at = live;
  let pointer = '';
  for (const step of path) {
    if (typeof step === 'string') {
      if (!isMapValue(at)) return undefined;
      pointer += `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      at = at[step];
    } else {
      if (!Array.isArray(at)) return undefined;
      const index = indexOfItem(at, step);
      pointer += `/${index}`;
      at = (at as readonly Value[])[index];
    }
    if (at === undefined) return undefined;
  }
  return pointer;
}

const numeric = new Intl.Collator('en', { numeric: true });

function laterFirst(a: string, b: string): number {
  return numeric.compare(b, a);
}
