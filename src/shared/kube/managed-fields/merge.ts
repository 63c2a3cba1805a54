import { isMember, type FieldSet } from '#shared/kube/managed-fields/field-set.ts';
import { itemElement, type PathElement } from '#shared/kube/managed-fields/path-element.ts';
import {
  isHollow,
  isRecord,
  memberElement,
  memberSchema,
  shapeOf,
  type JsonObject,
} from '#shared/kube/managed-fields/values.ts';
import { isSameJson, setMember, type JsonDraft } from '#shared/kube/patch/json.ts';
import type { ListSchema, Schema } from '#shared/kube/schema.ts';

/**
 * Lays an applied configuration over an object: its leaves win, members and items join, nothing is
 * taken away. What does not change is shared with `live`.
 */
export function mergeConfiguration(schema: Schema, live: unknown, config: unknown): unknown {
  if (config === undefined || live === config) return live;
  if (live === undefined) return config;
  if (schema.kind === 'any' && config === null && isRecord(live) && !isHollow(live)) return live;
  const shape = shapeOf(schema, config);
  if (shape === 'leaf' || (isHollow(live) && isHollow(config))) {
    return isSameJson(live, config) ? live : config;
  }
  if (shape === 'items') return mergeItems(schema as ListSchema, live, config);
  const before = isRecord(live) ? live : undefined;
  const wanted = isRecord(config) ? config : {};
  return mergeMembers(schema, before ?? {}, wanted, before);
}

function mergeMembers(
  schema: Schema,
  live: JsonObject,
  config: JsonObject,
  unchanged: JsonObject | undefined,
): JsonObject {
  let merged: JsonDraft | undefined;
  for (const name in config) {
    const inner = memberSchema(schema, name);
    if (!inner) continue;
    const before = Object.hasOwn(live, name) ? live[name] : undefined;
    const after = mergeConfiguration(inner, before, config[name]);
    if (after !== before) setMember((merged ??= { ...live }), name, after);
  }
  return merged ?? unchanged ?? live;
}

/**
 * The configuration's order holds for its own items; the object's other items keep their places
 * among those that both have.
 */
function mergeItems(schema: ListSchema, live: unknown, config: unknown): unknown {
  const before = entriesOf(schema, live);
  const wanted = entriesOf(schema, config);
  if (wanted.length === 0) return live;
  const liveItems = new Map<PathElement, unknown>();
  for (const { element, item } of before) {
    liveItems.set(element, liveItems.has(element) ? undefined : item);
  }
  const configElements = new Set(wanted.map(({ element }) => element));
  const shared = wanted.filter(({ element }) => liveItems.has(element));
  const merged: unknown[] = [];
  const done = new Set<PathElement>();
  const take = ({ element, item }: Entry): void => {
    done.add(element);
    merged.push(mergeConfiguration(schema.items, liveItems.get(element), item));
    if (shared[0]?.element === element) shared.shift();
  };
  let left = 0;
  let right = 0;
  while (left < before.length || right < wanted.length) {
    const own = before[left];
    const next = wanted[right];
    if (own && next && own.element === next.element) {
      done.add(next.element);
      merged.push(mergeConfiguration(schema.items, liveItems.get(next.element), next.item));
      shared.shift();
      left++;
      right++;
      continue;
    }
    if (own && !configElements.has(own.element)) {
      merged.push(own.item);
      left++;
      continue;
    }
    if (own && next && shared[0] && shared[0].element !== own.element) {
      left++; // in both, but not the one whose turn it is
      continue;
    }
    if (own && done.has(own.element)) left++;
    if (next) {
      take(next);
      right++;
    }
  }
  return Array.isArray(live) && isSameList(live, merged) ? live : merged;
}

interface Entry {
  readonly element: PathElement;
  readonly item: unknown;
}

function entriesOf(schema: ListSchema, list: unknown): readonly Entry[] {
  if (!Array.isArray(list)) return [];
  return (list as readonly unknown[]).map((item) => ({ element: itemElement(schema, item), item }));
}

function isSameList(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((item, index) => item === right[index]);
}

/** The value without the fields of a set; a container that loses everything becomes null. */
export function removeFields(
  schema: Schema,
  value: unknown,
  fields: FieldSet | undefined,
): unknown {
  if (!fields) return value;
  if (isHollow(value)) return typeof value === 'object' ? null : value;
  const shape = shapeOf(schema, value);
  if (shape === 'leaf') return typeof value === 'object' ? null : value;
  const kept =
    shape === 'items' ? keptItems(schema, value, fields) : keptMembers(schema, value, fields);
  return isHollow(kept) ? null : kept;
}

function keptItems(schema: Schema, value: unknown, fields: FieldSet): unknown {
  if (!Array.isArray(value)) return null;
  const list = schema as ListSchema;
  let hasChanged = false;
  const kept: unknown[] = [];
  for (const item of value as readonly unknown[]) {
    const node = fields[itemElement(list, item)];
    if (node && isMember(node)) {
      hasChanged = true;
      continue;
    }
    const rest = node ? removeFields(list.items, item, node) : item;
    if (rest !== item) hasChanged = true;
    kept.push(rest);
  }
  return hasChanged ? kept : value;
}

function keptMembers(schema: Schema, value: unknown, fields: FieldSet): unknown {
  if (!isRecord(value)) return null;
  let kept: JsonDraft | undefined;
  for (const name in value) {
    const node = fields[memberElement(schema, name)];
    if (!node) continue;
    if (isMember(node)) {
      delete (kept ??= { ...value })[name];
      continue;
    }
    const inner = memberSchema(schema, name);
    const rest = inner ? removeFields(inner, value[name], node) : value[name];
    if (rest !== value[name]) setMember((kept ??= { ...value }), name, rest);
  }
  return kept ?? value;
}
