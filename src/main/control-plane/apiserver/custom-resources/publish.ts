import { schemaV2Of } from '#main/control-plane/apiserver/custom-resources/schema-v2.ts';
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
      return schema && schemaV2Of(schema);
    },
    schemaV3: schema,
  };
}
