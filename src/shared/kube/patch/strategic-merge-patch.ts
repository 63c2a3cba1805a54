import { ApiError } from '#shared/kube/errors.ts';
import {
  goFormat,
  goString,
  has,
  isArray,
  isObject,
  isSameJson,
  memberOf,
  setMember,
  type JsonDraft,
  type JsonObject,
} from '#shared/kube/patch/json.ts';
import {
  goTypeOf,
  identityOf,
  inOrder,
  itemTypeOf,
  missingMergeKey,
  wrongType,
} from '#shared/kube/patch/list-order.ts';
import { unclassified, unprocessable } from '#shared/kube/patch/patch-errors.ts';
import type { Schema } from '#shared/kube/schema.ts';

const directive = '$patch';
const retainKeys = '$retainKeys';
const deletionPrefix = '$deleteFromPrimitiveList';
const orderPrefix = '$setElementOrder';
const orderMismatch = 'invalid patch format of setElementOrder list';

/**
 * Applies a strategic merge patch by the schema's patch strategies and merge keys, with its
 * directives: `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/…`, `$setElementOrder/…`.
 *
 * What does not change is shared with `current`. Throws 400 or 422 for a malformed directive and a
 * 500 without reason where upstream does, such as for a list item without its merge key.
 */
export function applyStrategicMergePatch(
  schema: Schema,
  current: JsonObject,
  patch: unknown,
): JsonObject {
  if (!isObject(patch)) throw new ApiError('BadRequest', 'invalid JSON document');
  return mergeObject(current, patch, schema);
}

interface FieldPlan {
  readonly schema: Schema;
  readonly strategy: string;
  readonly mergeKey: string;
}

function mergeObject(current: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
  if (has(patch, directive)) return applyDirective(patch);
  const draft: JsonDraft = { ...current };
  const done = new Set<string>([retainKeys]);
  if (has(patch, retainKeys)) keepOnly(draft, patch);
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(orderPrefix)) continue;
    done.add(key);
    const name = nameAfter(key, orderPrefix);
    if (mergeOrdered(draft, patch, { name, order: patch[key], schema })) done.add(name);
  }
  for (const key of Object.keys(patch)) {
    if (!done.has(key)) mergeMember(draft, key, { value: patch[key], schema });
  }
  return isSameShallow(current, draft) ? current : draft;
}

function applyDirective(patch: JsonObject): JsonObject {
  if (patch[directive] === 'replace') {
    const { [directive]: _, ...replacement } = patch;
    return replacement;
  }
  if (patch[directive] === 'delete') return {};
  throw unknownDirective(patch);
}

function unknownDirective(patch: JsonObject): Error {
  return unclassified(
    `unknown patch type: ${goString(patch[directive])} in map: ${goFormat(patch)}`,
  );
}

function keepOnly(draft: JsonDraft, patch: JsonObject): void {
  const list = patch[retainKeys];
  if (!isArray(list)) throw badRetainKeys();
  const kept = new Set(list);
  for (const key of Object.keys(patch)) {
    const isExempt =
      key === retainKeys ||
      patch[key] === null ||
      key.startsWith(deletionPrefix) ||
      key.startsWith(orderPrefix);
    if (!isExempt && !kept.has(key)) throw badRetainKeys();
  }
  for (const key of Object.keys(draft)) if (!kept.has(key)) delete draft[key];
}

function badRetainKeys(): ApiError {
  return new ApiError('BadRequest', 'invalid patch format of retainKeys');
}

function nameAfter(key: string, prefix: string): string {
  const slash = key.indexOf('/');
  if (slash >= 0 && key.slice(0, slash) === prefix) return key.slice(slash + 1);
  throw new ApiError(
    'BadRequest',
    prefix === orderPrefix ? orderMismatch : 'invalid patch format of primitive list',
  );
}

/** Merges one list that comes with `$setElementOrder`; true when the patch's own list is dealt with. */
function mergeOrdered(
  draft: JsonDraft,
  patch: JsonObject,
  { name, order, schema }: { name: string; order: unknown; schema: Schema },
): boolean {
  const wanted = listIn(order);
  const current = has(draft, name) ? listIn(draft[name]) : undefined;
  const added = has(patch, name) ? listIn(patch[name]) : undefined;
  const plan = planOfList(schema, name);
  checkOrder(added ?? [], wanted, plan.mergeKey);
  let merged: readonly unknown[];
  if (current && added) merged = mergeLists(current, added, plan);
  else if (added) merged = withoutDirectives(added) as unknown[];
  else if (current) merged = current;
  else return false;
  const first = merged[0] ?? wanted[0] ?? current?.[0];
  if (itemTypeOf(current ?? [], added ?? []) === 'map[string]interface {}' && isObject(first)) {
    if (!plan.mergeKey) throw missingMergeKey(first, plan.mergeKey);
  }
  const ordered = inOrder(merged, { wanted, current: current ?? [], mergeKey: plan.mergeKey });
  setMember(draft, name, current && isSameItems(current, ordered) ? current : ordered);
  return true;
}

function listIn(value: unknown): readonly unknown[] {
  if (!isArray(value)) throw wrongType('[]interface {}', value);
  return value;
}

/** The patch's items must stand in the order list, in the same order; deletions do not count. */
function checkOrder(items: readonly unknown[], wanted: readonly unknown[], mergeKey: string): void {
  if (items.length === 0 || wanted.length === 0) return;
  const kept = mergeKey
    ? items.filter((item) => {
        if (!isObject(item)) throw wrongType('map[string]interface {}', item);
        return !has(item, directive);
      })
    : items;
  let at = 0;
  for (const place of wanted) {
    if (at === kept.length) return;
    if (identityOf(kept[at], mergeKey) === identityOf(place, mergeKey)) at++;
  }
  if (at < kept.length) {
    throw unclassified(
      `The order in patch list:\n${goFormat(items)}\n doesn't match ${orderPrefix} list:\n${goFormat(wanted)}\n`,
    );
  }
}

function mergeMember(
  draft: JsonDraft,
  key: string,
  { value, schema }: { value: unknown; schema: Schema },
): void {
  const isDeletion = key.startsWith(deletionPrefix);
  const name = isDeletion ? nameAfter(key, deletionPrefix) : key;
  if (value === null) {
    delete draft[name];
    return;
  }
  const current = memberOf(draft, name);
  if (!has(draft, name) || goTypeOf(current) !== goTypeOf(value)) {
    if (!isDeletion) replaceMember(draft, name, withoutNulls(value));
  } else if (isObject(current) && isObject(value)) {
    const plan = planOf(schema, name);
    const merged = plan.strategy === 'replace' ? value : mergeObject(current, value, plan.schema);
    setMember(draft, name, isSameJson(current, merged) ? current : merged);
  } else if (isArray(current) && isArray(value)) {
    const plan = planOfList(schema, name);
    const merged = isDeletion
      ? deleteFromList(current, value, plan)
      : mergeLists(current, value, plan);
    setMember(draft, name, isSameJson(current, merged) ? current : merged);
  } else replaceMember(draft, name, value);
}

function replaceMember(draft: JsonDraft, name: string, value: unknown): void {
  const kept = withoutDirectives(value);
  if (kept === undefined) delete draft[name];
  else setMember(draft, name, kept);
}

function mergeLists(
  current: readonly unknown[],
  patch: readonly unknown[],
  plan: FieldPlan,
): readonly unknown[] {
  if (plan.strategy !== 'merge') return patch;
  if (current.length === 0 && patch.length === 0) return current;
  if (itemTypeOf(current, patch) !== 'map[string]interface {}') {
    refuseListsOfLists(current, patch);
    const merged = [...new Set([...current, ...patch])];
    return inOrder(merged, { wanted: patch, current, mergeKey: plan.mergeKey });
  }
  return mergeListsOfObjects(current as JsonObject[], patch as JsonObject[], plan);
}

function deleteFromList(
  current: readonly unknown[],
  patch: readonly unknown[],
  plan: FieldPlan,
): readonly unknown[] {
  if (current.length === 0 && patch.length === 0) return current;
  if (itemTypeOf(current, patch) === 'map[string]interface {}') {
    return mergeListsOfObjects(current as JsonObject[], patch as JsonObject[], plan);
  }
  refuseListsOfLists(current, patch);
  const deleted = new Set(patch);
  return current.filter((item) => !deleted.has(item));
}

function refuseListsOfLists(current: readonly unknown[], patch: readonly unknown[]): void {
  if (isArray(current[0] ?? patch[0])) throw unprocessable('lists of lists are not supported');
}

function mergeListsOfObjects(
  current: readonly JsonObject[],
  patch: readonly JsonObject[],
  { mergeKey, schema }: FieldPlan,
): readonly unknown[] {
  if (!mergeKey) {
    throw unclassified(`cannot merge lists without merge key for ${goKindOf(schema)}`);
  }
  const plain = patch.filter((item) => !has(item, directive));
  const remaining = applyListDirectives(current, patch, mergeKey);
  if (!remaining) return inOrder(plain, { wanted: [], current: plain, mergeKey });
  const merged: JsonObject[] = [...remaining];
  const places = new Map<unknown, number>();
  for (const [index, item] of merged.entries()) {
    const identity = memberOf(item, mergeKey);
    if (!places.has(identity)) places.set(identity, index);
  }
  for (const item of plain) {
    const identity = identityOf(item, mergeKey);
    const place = places.get(identity);
    if (place !== undefined) merged[place] = mergeObject(merged[place]!, item, schema);
    else places.set(identity, merged.push(item) - 1);
  }
  return inOrder(merged, { wanted: plain, current: remaining, mergeKey });
}

/** The list without deleted items; nothing when the patch replaces the list. */
function applyListDirectives(
  current: readonly JsonObject[],
  patch: readonly JsonObject[],
  mergeKey: string,
): readonly JsonObject[] | undefined {
  const deleted = new Set<unknown>();
  let isReplaced = false;
  for (const item of patch) {
    if (!has(item, directive)) continue;
    if (item[directive] === 'replace') isReplaced = true;
    else if (item[directive] === 'delete') {
      if (!has(item, mergeKey)) throw missingMergeKey(item, mergeKey);
      deleted.add(item[mergeKey]);
    } else if (item[directive] === 'merge') {
      throw unclassified('merging lists cannot yet be specified in the patch');
    } else throw unknownDirective(item);
  }
  if (isReplaced) return undefined;
  if (deleted.size === 0) return current;
  return current.filter((item) => !has(item, mergeKey) || !deleted.has(item[mergeKey]));
}

function planOf(schema: Schema, name: string): FieldPlan {
  const isOpaque = schema.kind === 'any' || schema.kind === 'scalar';
  if (schema.kind !== 'struct' && !isOpaque) {
    throw unclassified(
      `merging an object in json but data type is not struct, instead is: ${goKindOf(schema)}`,
    );
  }
  const field = schema.kind === 'struct' ? schema.fields.get(name) : undefined;
  if (!field) {
    const typeName = schema.kind === 'struct' ? schema.name.split('.').at(-1) : 'RawExtension';
    throw unclassified(
      `unable to find api field in struct ${typeName} for the json field ${JSON.stringify(name)}`,
    );
  }
  return {
    schema: field.schema,
    strategy: field.patchStrategy?.find((strategy) => strategy !== 'retainKeys') ?? '',
    mergeKey: field.patchMergeKey ?? '',
  };
}

function planOfList(schema: Schema, name: string): FieldPlan {
  const plan = planOf(schema, name);
  if (plan.schema.kind !== 'list') {
    throw unclassified(`expected slice or array type, but got: ${goKindOf(schema)}`);
  }
  return { ...plan, schema: plan.schema.items };
}

function goKindOf(schema: Schema): string {
  if (schema.kind === 'list') return 'slice';
  if (schema.kind === 'map') return 'map';
  return schema.kind === 'scalar' && schema.type === 'string' ? 'string' : 'struct';
}

/** Null members of what the object did not have are dropped. */
function withoutNulls(value: unknown): unknown {
  if (isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const kept: JsonDraft = {};
  for (const key of Object.keys(value)) {
    if (value[key] !== null) setMember(kept, key, withoutNulls(value[key]));
  }
  return kept;
}

/** Absent when the value itself is a directive. */
function withoutDirectives(value: unknown): unknown {
  if (isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isObject(value)) return value;
  if (has(value, directive)) return undefined;
  const kept: JsonDraft = {};
  for (const key of Object.keys(value)) {
    const member = withoutDirectives(value[key]);
    if (member !== undefined) setMember(kept, key, member);
  }
  return kept;
}

function isSameItems(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((item, index) => item === right[index]);
}

function isSameShallow(left: JsonObject, right: JsonObject): boolean {
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => has(right, key) && left[key] === right[key])
  );
}
