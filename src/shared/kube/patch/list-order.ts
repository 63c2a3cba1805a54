import { goFormat, has, isObject, type JsonObject } from '#shared/kube/patch/json.ts';
import { unclassified } from '#shared/kube/patch/patch-errors.ts';

/** What stands for an item when lists are compared: its merge key's value, or the item itself. */
export function identityOf(item: unknown, mergeKey: string): unknown {
  if (!mergeKey) return item;
  if (!isObject(item)) throw wrongType('map[string]interface {}', item);
  if (!has(item, mergeKey)) throw missingMergeKey(item, mergeKey);
  return item[mergeKey];
}

export function missingMergeKey(item: JsonObject, mergeKey: string): Error {
  return unclassified(`map: ${goFormat(item)} does not contain declared merge key: ${mergeKey}`);
}

export function wrongType(expected: string, actual: unknown): Error {
  const received = actual === null ? '%!s(<nil>)' : goTypeOf(actual);
  return unclassified(`expected a ${expected}, but received a ${received}`);
}

/** The Go type that upstream decodes a JSON value into. */
export function goTypeOf(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** The one Go type of all the items of both lists, which may not be lists themselves. */
export function itemTypeOf(left: readonly unknown[], right: readonly unknown[]): string {
  let type: string | undefined;
  for (const item of [...left, ...right]) {
    const own = goTypeOf(item);
    if (own !== (type ??= own)) {
      throw unclassified(`list element types are not identical: ${goFormat([left, right])}`);
    }
  }
  if (type === undefined) throw unclassified('no elements in any of the given slices');
  return type;
}

export interface Orders {
  /** The order that the patch wants for the items that it names. */
  readonly wanted: readonly unknown[];
  /** The order the list has in the object. */
  readonly current: readonly unknown[];
  readonly mergeKey: string;
}

/**
 * Puts a merged list in order: items that the patch names in the patch's order, the others in the
 * object's, and both interleaved so that an item stays before the patch's items that it preceded.
 */
export function inOrder(
  merged: readonly unknown[],
  { wanted, current, mergeKey }: Orders,
): unknown[] {
  const wantedAt = positionsOf(wanted, mergeKey);
  const currentAt = positionsOf(current, mergeKey);
  const named: unknown[] = [];
  const others: unknown[] = [];
  for (const item of merged) {
    (wantedAt.has(identityOf(item, mergeKey)) ? named : others).push(item);
  }
  const left = sortedBy(others, currentAt, mergeKey);
  const right = sortedBy(named, wantedAt, mergeKey);
  const ordered: unknown[] = [];
  let i = 0;
  for (const item of right) {
    const at = currentAt.get(identityOf(item, mergeKey));
    for (; i < left.length; i++) {
      const otherAt = currentAt.get(identityOf(left[i], mergeKey));
      if (at === undefined || otherAt === undefined || otherAt >= at) break;
      ordered.push(left[i]);
    }
    ordered.push(item);
  }
  return [...ordered, ...left.slice(i)];
}

function positionsOf(list: readonly unknown[], mergeKey: string): Map<unknown, number> {
  const positions = new Map<unknown, number>();
  for (const [index, item] of list.entries()) {
    const identity = identityOf(item, mergeKey);
    if (!positions.has(identity)) positions.set(identity, index);
  }
  return positions;
}

/** Items that the order does not know come out last to first, as upstream's comparison has it. */
function sortedBy(
  items: readonly unknown[],
  positions: ReadonlyMap<unknown, number>,
  mergeKey: string,
): unknown[] {
  const at = (item: unknown): number | undefined => positions.get(identityOf(item, mergeKey));
  if (items.every((item) => at(item) !== undefined)) {
    return items.toSorted((a, b) => at(a)! - at(b)!);
  }
  const sorted: unknown[] = [];
  for (const item of items) {
    const own = at(item);
    let index = sorted.length;
    for (; index > 0; index--) {
      const before = at(sorted[index - 1]);
      if (own !== undefined && before !== undefined && own >= before) break;
    }
    sorted.splice(index, 0, item);
  }
  return sorted;
}
