import { isDeepStrictEqual } from 'node:util';
import type { JSONSchemaProps } from '#shared/api/types/apiextensions-v1.ts';
import { decodeObject } from '#shared/api/codec/decode.ts';
import { schemaOf } from '#shared/api/schema/schema.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Field, Schema } from '#shared/kube/schema.ts';

type Values = Record<string, unknown>;

interface Finding {
  readonly isStrict: boolean;
  readonly errors: string[];
}

/** Copies a value as its structural schema wants it: members that no schema names are left out. */
export function prune(
  schema: JSONSchemaProps | undefined,
  value: unknown,
  path: string,
  found: Finding,
): unknown {
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    return value.map((item, index) =>
      schema && !items && !keepsUnknown(schema)
        ? structuredClone(item)
        : prune(items ?? keptBy(schema), item, `${path}[${index}]`, found),
    );
  }
  if (typeof value !== 'object' || value === null) return value;
  const result: Values = {};
  for (const [key, member] of Object.entries(value)) {
    const where = path ? `${path}.${key}` : key;
    const known = memberSchema(schema, key);
    if (known === 'any') result[key] = structuredClone(member as unknown);
    else if (known) result[key] = prune(known, member, where, found);
    else if (schema?.['x-kubernetes-embedded-resource'] && isIdentity(key)) {
      result[key] = structuredClone(member as unknown);
    } else if (found.isStrict) found.errors.push(`unknown field ${JSON.stringify(where)}`);
  }
  return result;
}

function isIdentity(key: string): boolean {
  return key === 'apiVersion' || key === 'kind' || key === 'metadata';
}

function keepsUnknown(schema: JSONSchemaProps | undefined): boolean {
  return schema === undefined || schema['x-kubernetes-preserve-unknown-fields'] === true;
}

function keptBy(schema: JSONSchemaProps | undefined): JSONSchemaProps | undefined {
  return keepsUnknown(schema) ? undefined : schema;
}

export function itemsOf(schema: JSONSchemaProps | undefined): JSONSchemaProps | undefined {
  const items = schema?.items;
  return Array.isArray(items) ? undefined : (items as JSONSchemaProps | undefined);
}

/** `any` where the schema keeps whatever there is. */
function memberSchema(
  schema: JSONSchemaProps | undefined,
  key: string,
): JSONSchemaProps | 'any' | undefined {
  if (!schema) return 'any';
  const { properties, additionalProperties } = schema;
  const own = properties && Object.hasOwn(properties, key) ? properties[key] : undefined;
  if (own) return own;
  if (typeof additionalProperties === 'object') return additionalProperties;
  if (additionalProperties === true) return 'any';
  return keepsUnknown(schema) ? 'any' : undefined;
}

/** Fills in the schema's defaults, in place; a null that may not be is replaced or dropped. */
export function applyDefaults(schema: JSONSchemaProps | undefined, value: unknown): void {
  if (!schema || typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items) for (const item of value) applyDefaults(items, item);
    return;
  }
  const object = value as Values;
  for (const [key, member] of Object.entries(schema.properties ?? {})) {
    if (object[key] === null && !member.nullable) delete object[key];
    if (object[key] === undefined && member.default !== undefined) {
      object[key] = structuredClone(member.default);
    }
    applyDefaults(member, object[key]);
  }
  const { additionalProperties, properties } = schema;
  if (typeof additionalProperties !== 'object') return;
  for (const key of Object.keys(object)) {
    if (properties && Object.hasOwn(properties, key)) continue;
    if (object[key] === null && !additionalProperties.nullable) {
      if (additionalProperties.default === undefined) delete object[key];
      else object[key] = structuredClone(additionalProperties.default);
    }
    applyDefaults(additionalProperties, object[key]);
  }
}

/** Whether the schema has a default anywhere. */
export function hasDefaults(schema: JSONSchemaProps | undefined): boolean {
  if (!schema) return false;
  const { properties, additionalProperties } = schema;
  return (
    schema.default !== undefined ||
    Object.values(properties ?? {}).some(hasDefaults) ||
    (typeof additionalProperties === 'object' && hasDefaults(additionalProperties)) ||
    hasDefaults(itemsOf(schema))
  );
}

/** The object with the schema's defaults filled in: itself where it lacks none, else a copy. */
export function withDefaults<T extends KubeObject>(
  schema: JSONSchemaProps | undefined,
  object: T,
): T {
  const { metadata, ...content } = object;
  const filled = structuredClone(content);
  applyDefaults(schema, filled);
  return isDeepStrictEqual(filled, content)
    ? object
    : ({ ...filled, metadata: { ...metadata } } as unknown as T);
}

/** The shape as patches and field ownership need it. */
export function ownershipSchema(schema: JSONSchemaProps | undefined): Schema {
  const { fields } = schemaOf('core.v1.ConfigMap');
  const own = new Map<string, Field>();
  for (const name of ['apiVersion', 'kind', 'metadata']) {
    const field = fields.get(name);
    if (field) own.set(name, field);
  }
  for (const [name, member] of Object.entries(schema?.properties ?? {})) {
    if (!own.has(name)) own.set(name, fieldOf(name, member, schema?.required));
  }
  return {
    kind: 'struct',
    name: '',
    fields: own,
    ...(keepsUnknown(schema) && { preservesUnknown: true }),
  };
}

function fieldOf(
  name: string,
  schema: JSONSchemaProps,
  required: readonly string[] | undefined,
): Field {
  let compiled: Schema | undefined;
  return {
    name,
    get schema() {
      return (compiled ??= compile(schema));
    },
    isRequired: required?.includes(name) ?? false,
    ...(schema.default !== undefined && { default: schema.default }),
  };
}

const scalars: Readonly<Record<string, 'string' | 'int64' | 'float64' | 'bool'>> = {
  string: 'string',
  integer: 'int64',
  number: 'float64',
  boolean: 'bool',
};

function compile(schema: JSONSchemaProps): Schema {
  if (schema['x-kubernetes-int-or-string']) return { kind: 'scalar', type: 'intOrString' };
  const { type = '' } = schema;
  const scalar = scalars[type];
  if (scalar) return { kind: 'scalar', type: scalar };
  if (type === 'array') return compileList(schema);
  const isAtomic = schema['x-kubernetes-map-type'] === 'atomic';
  const { properties, additionalProperties } = schema;
  if (type === 'object' && !properties && additionalProperties) {
    const values: Schema =
      additionalProperties === true ? { kind: 'any' } : compile(additionalProperties);
    return { kind: 'map', values, ...(isAtomic && { isAtomic }) };
  }
  if (type !== 'object' || !properties) return { kind: 'any' };
  const fields = new Map(
    Object.entries(properties).map(([name, member]) => [
      name,
      fieldOf(name, member, schema.required),
    ]),
  );
  return {
    kind: 'struct',
    name: '',
    fields,
    ...(isAtomic && { isAtomic }),
    ...(schema['x-kubernetes-preserve-unknown-fields'] && { preservesUnknown: true }),
  };
}

function compileList(schema: JSONSchemaProps): Schema {
  const items = itemsOf(schema);
  return {
    kind: 'list',
    items: items ? compile(items) : { kind: 'any' },
    listType: (schema['x-kubernetes-list-type'] ?? 'atomic') as 'atomic' | 'set' | 'map',
    mapKeys: schema['x-kubernetes-list-map-keys'] ?? [],
  };
}

/** Metadata has the same shape in every kind. */
export function decodeMetadata(value: unknown, found: Finding): Record<string, unknown> {
  const { object, strictErrors } = decodeObject<Record<string, unknown>>(
    'core.v1.ConfigMap',
    { metadata: value ?? {} },
    { isStrict: found.isStrict },
  );
  found.errors.push(...strictErrors);
  return object['metadata'] as Record<string, unknown>;
}
