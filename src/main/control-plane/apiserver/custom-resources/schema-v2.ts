type Json = Readonly<Record<string, unknown>>;

/** What OpenAPI v2 cannot say. */
const junctors = new Set(['oneOf', 'anyOf', 'allOf', 'not']);

/**
 * A structural schema as a v2 document can have it (upstream's ToStructuralOpenAPIV2): what v2 cannot
 * say is left out, and with it whatever kubectl would read too strictly then. `undefined` for a kind
 * that keeps unknown fields: with any property named, kubectl would refuse all others.
 */
export function schemaV2Of(schema: Json): Json | undefined {
  return keepsUnknown(schema) ? undefined : inV2(schema);
}

function keepsUnknown(schema: Json): boolean {
  return schema['x-kubernetes-preserve-unknown-fields'] === true;
}

function inV2(schema: Json): Json {
  const isNullable = schema['nullable'] === true;
  const isOpen = isNullable || keepsUnknown(schema);
  const isTyped = !isNullable && !(isOpen && /^(?:array|object)$/.test(String(schema['type'])));
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (junctors.has(key) || key === 'nullable' || (key === 'type' && !isTyped)) continue;
    if (isOpen && (key === 'properties' || key === 'items')) continue;
    if (key === 'required') {
      const required = requiredOf(schema, isOpen);
      if (required.length > 0) result[key] = required;
    } else if (key === 'properties') {
      result[key] = Object.fromEntries(
        Object.entries(value as Json).map(([name, member]) => [name, inV2(member as Json)]),
      );
    } else if (key === 'items' || key === 'additionalProperties') {
      result[key] = typeof value === 'object' ? inV2(value as Json) : value;
    } else result[key] = value;
  }
  return result;
}

/** A member that may be null has lost its type, so that it cannot be asked for either. */
function requiredOf(schema: Json, isOpen: boolean): readonly string[] {
  const { required, properties, additionalProperties } = schema as {
    readonly required: readonly string[];
    readonly properties?: Readonly<Record<string, Json>>;
    readonly additionalProperties?: Json | boolean;
  };
  if (typeof additionalProperties === 'object' && additionalProperties['nullable'] === true)
    return [];
  if (isOpen || !properties) return required;
  return required.filter((name) => properties[name]?.['nullable'] !== true);
}
