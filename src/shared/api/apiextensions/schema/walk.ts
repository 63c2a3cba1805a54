import type {
  JSONSchemaProps,
  JSONSchemaPropsOrArray,
  JSONSchemaPropsOrBool,
} from '#shared/api/types/apiextensions-v1.ts';

export type Schema = JSONSchemaProps;

/** The one schema of all items; nothing where there is one for each. */
export function itemsOf({ items }: Schema): Schema | undefined {
  return items && !isList(items) ? items : undefined;
}

export function isList(items: JSONSchemaPropsOrArray): items is readonly Schema[] {
  return Array.isArray(items);
}

export function schemaOf(value: JSONSchemaPropsOrBool | undefined): Schema | undefined {
  return typeof value === 'object' ? value : undefined;
}

/** Every schema within, that itself first, and where it is. */
export function* subschemas(schema: Schema): Iterable<Schema> {
  yield schema;
  const { items, allOf = [], anyOf = [], oneOf = [], not, properties = {} } = schema;
  let ofItems: readonly Schema[] = [];
  if (items) ofItems = isList(items) ? items : [items];
  const additional = schemaOf(schema.additionalProperties);
  const children = [
    ...ofItems,
    ...allOf,
    ...anyOf,
    ...oneOf,
    ...(not ? [not] : []),
    ...Object.values(properties),
    ...(additional ? [additional] : []),
    ...Object.values(schema.definitions ?? {}),
  ];
  for (const child of children) yield* subschemas(child);
}

export function schemaHas(
  schema: Schema | undefined,
  predicate: (schema: Schema) => boolean,
): boolean {
  if (!schema) return false;
  for (const item of subschemas(schema)) if (predicate(item)) return true;
  return false;
}
