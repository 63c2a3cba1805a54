import { memberOf, type Rooted } from './language/schema.ts';
import {
  indexOfItem,
  isAtomicMap,
  isMapValue,
  itemKey,
  listKeysOf,
  type FieldPath,
  type MapValue,
  type Value,
} from './field-path.ts';

/** One field that differs; undefined on the side where it is not. */
export interface FieldChange {
  readonly path: FieldPath;
  readonly before: Value;
  readonly after: Value;
}

/** Every field that differs, as deep as fields can be owned one by one. */
export function changesBetween(
  before: Value,
  after: Value,
  rooted: Rooted | undefined,
  path: FieldPath = [],
): readonly FieldChange[] {
  if (isSame(before, after)) return [];
  if (isMapValue(before) && isMapValue(after) && !isAtomicMap(rooted))
    return mapChanges(before, after, rooted, path);
  const keys = listKeysOf(rooted);
  if (keys && rooted && Array.isArray(before) && Array.isArray(after)) {
    const [old, now] = [before as readonly Value[], after as readonly Value[]];
    const member = memberOf(rooted, 0);
    const changed = now.flatMap((item) => {
      const key = itemKey(item, keys, rooted);
      return changesBetween(old[indexOfItem(old, key)], item, member, [...path, key]);
    });
    const gone = old
      .map((item) => ({ item, key: itemKey(item, keys, rooted) }))
      .filter(({ key }) => indexOfItem(now, key) < 0)
      .map(({ item, key }) => ({ path: [...path, key], before: item, after: undefined }));
    return [...changed, ...gone];
  }
  return [{ path, before, after }];
}

function mapChanges(
  before: MapValue,
  after: MapValue,
  rooted: Rooted | undefined,
  path: FieldPath,
): readonly FieldChange[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) =>
    changesBetween(before[name], after[name], rooted && memberOf(rooted, name), [...path, name]),
  );
}

/** Equal whatever the order of members; absent and null are the same. */
export function isSame(a: Value, b: Value): boolean {
  if (a === b) return true;
  if ((a ?? undefined) === (b ?? undefined)) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  if (!isMapValue(a) || !isMapValue(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isSame(a[name], b[name]));
}
