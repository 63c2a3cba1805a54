import { escapedName } from '#shared/api/apiextensions/rules/field-names.ts';
import type { JSONSchemaProps } from '#shared/api/types/apiextensions-v1.ts';
import {
  bool,
  bytes,
  double,
  duration,
  dyn,
  int,
  listOf,
  mapOf,
  objectType,
  string,
  timestamp,
  type CelType,
} from '#shared/cel/types.ts';

/** What rules know of the values that a structural schema describes. */
export interface SchemaType {
  readonly type: CelType;
  readonly schema: JSONSchemaProps;
  /** The most characters, items or members that a request can carry. */
  readonly most: number;
  /** The fewest bytes that a value takes. */
  readonly least: number;
  /** An object's, by the names that rules use. */
  readonly fields?: ReadonlyMap<string, SchemaType & { readonly wireName: string }>;
  /** Of a list's items or a map's values. */
  readonly element?: SchemaType;
}

const requestBytes = 3 * 1024 * 1024;
const text: JSONSchemaProps = { type: 'string' };
const identity: Readonly<Record<string, JSONSchemaProps>> = {
  kind: text,
  apiVersion: text,
  metadata: { type: 'object', properties: { name: text, generateName: text } },
};

/** Nothing for schemas that rules cannot see into. */
export function schemaTypeOf(
  schema: JSONSchemaProps,
  isResource: boolean = schema['x-kubernetes-embedded-resource'] === true,
): SchemaType | undefined {
  if (schema['x-kubernetes-int-or-string']) {
    return { type: dyn, schema, most: longest(schema) ?? requestBytes - 2, least: 1 };
  }
  switch (schema.type ?? '') {
    case 'array':
      return listType(schema);
    case 'object':
      return isResource ? fieldsType(withIdentity(schema)) : objectOrMap(schema);
    case 'string':
      return textType(schema);
    case 'boolean':
      return { type: bool, schema, most: 0, least: 4 };
    case 'integer':
      return { type: int, schema, most: 0, least: 1 };
    case 'number':
      return { type: double, schema, most: 0, least: 1 };
    default:
      return undefined;
  }
}

/** Kind, version and names are there even where the schema does not say so. */
function withIdentity(schema: JSONSchemaProps): JSONSchemaProps {
  const { properties = {} } = schema;
  return { ...schema, properties: { ...properties, ...identity } };
}

function listType(schema: JSONSchemaProps): SchemaType | undefined {
  const { items, maxItems } = schema;
  const element =
    items && !Array.isArray(items) ? schemaTypeOf(items as JSONSchemaProps) : undefined;
  if (!element) return undefined;
  const most =
    maxItems === undefined
      ? Math.floor((requestBytes - 2) / (element.least + 1))
      : Math.max(0, maxItems);
  return { type: listOf(element.type), schema, most, least: 2, element };
}

function objectOrMap(schema: JSONSchemaProps): SchemaType | undefined {
  const { additionalProperties, maxProperties } = schema;
  if (typeof additionalProperties !== 'object') return fieldsType(schema);
  const element = schemaTypeOf(additionalProperties);
  if (!element) return undefined;
  const most =
    maxProperties === undefined
      ? Math.floor((requestBytes - 2) / (element.least + 6))
      : Math.max(0, maxProperties);
  return { type: mapOf(string, element.type), schema, most, least: 2, element };
}

let count = 0;

function fieldsType(schema: JSONSchemaProps): SchemaType {
  const fields = new Map<string, SchemaType & { readonly wireName: string }>();
  let least = 2;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const field = schemaTypeOf(property);
    if (!field) continue;
    const escaped = escapedName(name);
    if (escaped !== undefined) fields.set(escaped, { ...field, wireName: name });
    if (schema.required?.includes(name) && property.default === undefined) {
      least += name.length + field.least + 4;
    }
  }
  const types = new Map([...fields].map(([name, { type }]) => [name, type]));
  // Two objects have one type only where they are described in one place.
  const type = objectType(`selfType${++count}`, { fields: types });
  return { type, schema, most: 0, least, fields };
}

function textType(schema: JSONSchemaProps): SchemaType {
  const { format, enum: allowed } = schema;
  if (format === 'byte') {
    return { type: bytes, schema, most: schema.maxLength ?? requestBytes - 2, least: 2 };
  }
  if (format === 'duration') return { type: duration, schema, most: 32, least: 3 };
  if (format === 'date') return { type: timestamp, schema, most: 12, least: 12 };
  if (format === 'date-time') return { type: timestamp, schema, most: 32, least: 21 };
  const lengths = (allowed ?? []).map((each) => (typeof each === 'string' ? each.length : 0));
  const most = longest(schema) ?? (lengths.length > 0 ? Math.max(...lengths) : requestBytes - 2);
  return { type: string, schema, most, least: 2 };
}

/** A character takes up to four bytes. */
function longest({ maxLength }: JSONSchemaProps): number | undefined {
  return maxLength === undefined ? undefined : Math.max(0, maxLength) * 4;
}

/** How large the value at a path below `self` may be. */
export function sizeBelow(root: SchemaType): (path: readonly string[]) => SizeBound | undefined {
  return ([, ...path]) => {
    let current: SchemaType | undefined = root;
    for (const step of path) {
      if (step === '@items' || step === '@values') current = current?.element;
      else if (step === '@keys') current = keysOf(current);
      else current = current?.fields?.get(step);
      if (!current) return undefined;
    }
    return { min: 0, max: current.most };
  };
}

interface SizeBound {
  readonly min: number;
  readonly max: number;
}

/** Nothing is known of how long keys are. */
function keysOf(map: SchemaType | undefined): SchemaType | undefined {
  return map?.type.kind === 'map' ? { type: string, schema: text, most: 0, least: 2 } : undefined;
}
