import type { Catalog, ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import type { OpenApi } from '#main/control-plane/apiserver/openapi/openapi.ts';

type Json = Readonly<Record<string, unknown>>;

/** Shows the kinds that CRDs define in the OpenAPI documents, as long as they are served. */
export function publishCustomKinds(catalog: Catalog, openApi: OpenApi): Disposable {
  return catalog.subscribe(() => {
    const kinds = [...catalog.values()].filter(({ isCustom }) => isCustom);
    openApi.setCustomKinds(kinds.map(customKind));
  });
}

function customKind({ resource, openApiSchema }: ServedResource): {
  readonly resource: ServedResource['resource'];
  readonly schemaV2: Json | undefined;
  readonly schemaV3: Json | undefined;
} {
  const schema = openApiSchema as Json | undefined;
  return {
    resource,
    // Converted when a v2 document is built, which most clients never ask for.
    get schemaV2() {
      return schema && inV2(schema);
    },
    schemaV3: schema,
  };
}

/** OpenAPI v2 cannot say these. */
const notInV2 = new Set(['nullable', 'oneOf', 'anyOf', 'allOf', 'not', 'x-kubernetes-validations']);

/** Upstream's conversion: what v2 cannot say is left out, and with it what it would contradict. */
function inV2(schema: Json): Json {
  const isOpen =
    schema['nullable'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    schema['x-kubernetes-int-or-string'] === true;
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (notInV2.has(key)) continue;
    if (isOpen && (key === 'type' || key === 'properties' || key === 'items')) continue;
    if (key === 'properties') {
      result[key] = Object.fromEntries(
        Object.entries(value as Json).map(([name, member]) => [name, inV2(member as Json)]),
      );
    } else if (key === 'items' || key === 'additionalProperties') {
      result[key] = typeof value === 'object' ? inV2(value as Json) : value;
    } else result[key] = value;
  }
  return result;
}
