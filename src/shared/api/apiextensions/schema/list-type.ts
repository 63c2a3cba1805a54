import { isList, itemsOf, type Schema } from '#shared/api/apiextensions/schema/walk.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';

/** How lists and maps are merged. */

const listTypes = ['atomic', 'set', 'map'];
const mapTypes = ['atomic', 'granular'];
const keysMember = 'x-kubernetes-list-map-keys';
const listMember = 'x-kubernetes-list-type';
const mapMember = 'x-kubernetes-map-type';

export function* validateMapType(schema: Schema, field: string): Iterable<FieldError> {
  const mapType = schema[mapMember];
  if (mapType === undefined) return;
  yield* needsType(schema, field, 'object', mapMember);
  if (!mapTypes.includes(mapType)) yield notOneOf(`${field}.${mapMember}`, mapType, mapTypes);
}

function* needsType(
  { type }: Schema,
  field: string,
  wanted: string,
  member: string,
): Iterable<FieldError> {
  if (type === wanted) return;
  const detail = `must be ${wanted} if ${member} is specified`;
  yield type ? invalidValue(`${field}.type`, type, detail) : required(`${field}.type`, detail);
}

export function* validateListType(schema: Schema, field: string): Iterable<FieldError> {
  const listType = schema[listMember];
  if (listType !== undefined) {
    if (schema.type !== 'array') yield* needsType(schema, field, 'array', listMember);
    else if (listType === 'set') yield* validateSetItems(schema, field);
    if (!listTypes.includes(listType)) {
      yield notOneOf(`${field}.${listMember}`, listType, listTypes);
    }
  }
  const keys = schema[keysMember] ?? [];
  if (keys.length > 0 && listType !== 'map') {
    const detail = `must be map if ${keysMember} is non-empty`;
    const path = `${field}.${listMember}`;
    yield listType === undefined ? required(path, detail) : invalidValue(path, listType, detail);
  }
  if (listType === 'map') yield* validateMapItems(schema, field, keys);
  if (listType === 'map' || listType === 'set') yield* validateItems(schema, field, listType);
}

function* validateSetItems(schema: Schema, field: string): Iterable<FieldError> {
  const items = itemsOf(schema);
  const detail = `must be atomic as item of a list with ${listMember}=set`;
  if (items?.type === 'array') {
    const listType = items[listMember];
    if (listType === undefined || listType === 'atomic') return;
    yield invalidValue(`${field}.items.${listMember}`, listType, detail);
  } else if (items?.type === 'object' && items[mapMember] !== 'atomic') {
    yield invalidValue(`${field}.items.${mapMember}`, items[listMember], detail);
  }
}

function* validateMapItems(
  schema: Schema,
  field: string,
  keys: readonly string[],
): Iterable<FieldError> {
  const path = `${field}.${keysMember}`;
  if (keys.length === 0) yield required(path, `must not be empty if ${listMember} is map`);
  const { items } = schema;
  if (!items) {
    yield required(`${field}.items`, `must have a schema if ${listMember} is map`);
    return;
  }
  if (isList(items)) {
    const detail = `must only have a single schema if ${listMember} is map`;
    yield invalidValue(`${field}.items`, items, detail);
    return;
  }
  if (items.type !== 'object') {
    const detail = `must be object if parent array's ${listMember} is map`;
    yield invalidValue(`${field}.items.type`, items.type ?? '', detail);
    return;
  }
  for (const [index, key] of keys.entries()) {
    const property = items.properties?.[key];
    if (!property) yield invalidValue(path, keys, 'entries must all be names of item properties');
    else if (property.type === 'array' || property.type === 'object') {
      yield invalidValue(
        `${field}.items.properties[${key}].type`,
        items.type,
        `must be a scalar type if parent array's ${listMember} is map`,
      );
    }
    if (keys.indexOf(key) < index)
      yield invalidValue(path, keys, 'must not contain duplicate entries');
  }
}

function* validateItems(schema: Schema, field: string, listType: string): Iterable<FieldError> {
  const items = itemsOf(schema);
  if (!items) return;
  if (items.nullable) {
    yield forbiddenValue(
      `${field}.items.nullable`,
      `cannot be nullable when ${listMember} is ${listType}`,
    );
  }
  if (listType !== 'map') return;
  for (const key of schema[keysMember] ?? []) {
    const property = items.properties?.[key];
    if (!property) continue;
    const path = `${field}.items.properties[${key}]`;
    if (!items.required?.includes(key) && property.default === undefined) {
      yield required(
        `${path}.default`,
        `this property is in ${keysMember}, so it must have a default or be a required property`,
      );
    }
    if (property.nullable) {
      yield forbiddenValue(
        `${path}.nullable`,
        `this property is in ${keysMember}, so it cannot be nullable`,
      );
    }
  }
}
