import { leaf, recursiveDifference, type FieldSet } from '#shared/kube/managed-fields/field-set.ts';
import { itemElement, type PathElement } from '#shared/kube/managed-fields/path-element.ts';
import {
  isHollow,
  isRecord,
  memberElement,
  memberSchema,
  shapeOf,
  type JsonObject,
} from '#shared/kube/managed-fields/values.ts';
import { isSameJson } from '#shared/kube/patch/json.ts';
import type { ListSchema, Schema, StructSchema } from '#shared/kube/schema.ts';

/** What became of fields from one object to the next. */
export interface Comparison {
  /** Fields that are new or have another value. */
  readonly changed: FieldSet | undefined;
  readonly removed: FieldSet | undefined;
}

const nothing: Comparison = { changed: undefined, removed: undefined };
const modified: Comparison = { changed: leaf, removed: undefined };

/** Members that nobody ever owns. */
const unowned: ReadonlySet<string> = new Set(['apiVersion', 'kind']);
const unownedMetadata: ReadonlySet<string> = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
]);

/**
 * Compares two whole objects. Fields that nobody owns and fields below `resetFields` do not count.
 * Costs grow with what differs: equal references are passed over.
 */
export function compareObjects(
  schema: StructSchema,
  left: JsonObject,
  right: JsonObject,
  resetFields?: FieldSet,
): Comparison {
  const collector = new Collector();
  compareMembers(collector, schema, { left, right }, (name) => {
    if (unowned.has(name)) return nothing;
    const element = memberElement(schema, name);
    const reset = resetFields?.[element];
    if (reset === leaf) return nothing;
    const comparison =
      name === 'metadata'
        ? compareMetadata(memberSchema(schema, name)!, left[name], right[name])
        : compareMember(schema, name, { left, right });
    if (!reset || !comparison) return comparison;
    return {
      changed: recursiveDifference(comparison.changed, reset),
      removed: recursiveDifference(comparison.removed, reset),
    };
  });
  return collector;
}

function compareMetadata(schema: Schema, left: unknown, right: unknown): Comparison | undefined {
  if (!isRecord(left) || !isRecord(right)) return compareValues(schema, left, right);
  const collector = new Collector();
  compareMembers(collector, schema, { left, right }, (name) =>
    unownedMetadata.has(name) ? nothing : compareMember(schema, name, { left, right }),
  );
  return collector;
}

interface Pair<T> {
  readonly left: T;
  readonly right: T;
}

type Draft = Record<PathElement, FieldSet>;

class Collector {
  changed: Draft | undefined;
  removed: Draft | undefined;

  add(element: PathElement, { changed, removed }: Comparison): void {
    if (changed) (this.changed ??= {})[element] = changed;
    if (removed) (this.removed ??= {})[element] = removed;
  }
}

/** Nothing when both are equal. */
export function compareValues(
  schema: Schema,
  left: unknown,
  right: unknown,
): Comparison | undefined {
  if (left === right) return undefined;
  if (left === undefined) return { changed: everythingIn(schema, right), removed: undefined };
  if (right === undefined) return { changed: undefined, removed: everythingIn(schema, left) };
  const shape = shapeOf(schema, right);
  if (schema.kind === 'any' && shapeOf(schema, left) !== shape) {
    return compareMixed(schema, left, right);
  }
  if (shape === 'leaf' || (isHollow(left) && isHollow(right))) {
    return isSameJson(left, right) ? undefined : modified;
  }
  const collector = new Collector();
  if (shape === 'items') compareItems(collector, schema as ListSchema, { left, right });
  else {
    const members = { left: recordOf(left), right: recordOf(right) };
    compareMembers(collector, schema, members, (name) => compareMember(schema, name, members));
  }
  return collector;
}

/** A value without a schema that is an object before or after, and not both. */
function compareMixed(schema: Schema, left: unknown, right: unknown): Comparison {
  const before = isRecord(left) ? everythingIn(schema, left) : leaf;
  const after = isRecord(right) ? everythingIn(schema, right) : leaf;
  const { '.': _before, ...removed } = before;
  const { '.': _after, ...added } = after;
  return {
    changed:
      right === null && before !== leaf
        ? undefined
        : after === leaf
          ? leaf
          : left === null
            ? added
            : { '.': leaf, ...added },
    removed: before === leaf ? undefined : removed,
  };
}

function recordOf(value: unknown): JsonObject {
  return isRecord(value) ? value : {};
}

function compareMembers(
  collector: Collector,
  schema: Schema,
  { left, right }: Pair<JsonObject>,
  compare: (name: string) => Comparison | undefined,
): void {
  for (const name in left) {
    const comparison = compare(name);
    if (comparison) collector.add(memberElement(schema, name), comparison);
  }
  for (const name in right) {
    if (Object.hasOwn(left, name)) continue;
    const comparison = compare(name);
    if (comparison) collector.add(memberElement(schema, name), comparison);
  }
}

function compareMember(
  schema: Schema,
  name: string,
  { left, right }: Pair<JsonObject>,
): Comparison | undefined {
  const before = Object.hasOwn(left, name) ? left[name] : undefined;
  const after = Object.hasOwn(right, name) ? right[name] : undefined;
  if (before === after) return undefined;
  const inner = memberSchema(schema, name);
  return inner && compareValues(inner, before, after);
}

function compareItems(
  collector: Collector,
  schema: ListSchema,
  { left, right }: Pair<unknown>,
): void {
  const before = indexOf(schema, left);
  const after = indexOf(schema, right);
  for (const [element, items] of before) {
    const comparison = compareSameItems(schema, items, after.get(element) ?? []);
    if (comparison) collector.add(element, comparison);
  }
  for (const [element, items] of after) {
    if (before.has(element)) continue;
    const comparison = compareSameItems(schema, [], items);
    if (comparison) collector.add(element, comparison);
  }
}

/** Items of one identity; duplicates count as a whole. */
function compareSameItems(
  { items: schema }: ListSchema,
  left: readonly unknown[],
  right: readonly unknown[],
): Comparison | undefined {
  if (left.length < 2 && right.length < 2) return compareValues(schema, left[0], right[0]);
  if (left.length > 1 && right.length > 1) {
    return isSameJson(left, right) ? undefined : modified;
  }
  if (left.length > 1) {
    const changed = right.length === 1 ? everythingIn(schema, right[0]) : undefined;
    return { changed, removed: leaf };
  }
  const removed = left.length === 1 ? everythingIn(schema, left[0]) : undefined;
  return { changed: leaf, removed };
}

function indexOf(schema: ListSchema, list: unknown): Map<PathElement, unknown[]> {
  const index = new Map<PathElement, unknown[]>();
  for (const item of Array.isArray(list) ? (list as readonly unknown[]) : []) {
    const element = itemElement(schema, item);
    const same = index.get(element);
    if (same) same.push(item);
    else index.set(element, [item]);
  }
  return index;
}

/** The value itself and every field in it, as whoever adds the value comes to own them. */
function everythingIn(schema: Schema, value: unknown): FieldSet {
  const shape = shapeOf(schema, value);
  if (shape === 'leaf' || isHollow(value)) return leaf;
  const node: Draft = { '.': leaf };
  if (shape === 'items') {
    const list = schema as ListSchema;
    for (const [element, items] of indexOf(list, value)) {
      node[element] = items.length > 1 ? leaf : everythingIn(list.items, items[0]);
    }
    return node;
  }
  const record = value as JsonObject;
  for (const name in record) {
    const inner = memberSchema(schema, name);
    if (!inner || record[name] === undefined) continue;
    node[memberElement(schema, name)] = everythingIn(inner, record[name]);
  }
  return node;
}
