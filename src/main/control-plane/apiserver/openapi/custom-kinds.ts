import type { Definitions, Json } from '#main/control-plane/apiserver/openapi/definitions.ts';
import { groupVersionKind } from '#main/control-plane/apiserver/openapi/definitions.ts';
import type { KindPayloads } from '#main/control-plane/apiserver/openapi/resource-paths.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';

const conventions =
  'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';

/** A kind that a CRD defines, with its structural schema in both dialects. */
export interface CustomKind {
  readonly resource: Resource;
  /** Without `apiVersion`, `kind` and `metadata`, which are added; absent where nothing may be named. */
  readonly schemaV2: Json | undefined;
  readonly schemaV3: Json | undefined;
}

/** `com.example.stable.v1.CronTab` for `CronTab` of `stable.example.com/v1`. */
export function customDefinitionName({ group, version, kind }: Resource): string {
  return [...group.split('.').reverse(), version, kind].join('.');
}

export function customPayloads(resource: Resource): KindPayloads {
  const name = customDefinitionName(resource);
  return { object: { definition: name }, list: { definition: `${name}List` }, isCustom: true };
}

/** The definitions of the kind and of its list, for a document's context. */
export function customDefinitions(
  { resource, schemaV2, schemaV3 }: CustomKind,
  definitions: Definitions,
): Readonly<Record<string, () => Json>> {
  const name = customDefinitionName(resource);
  const schema = definitions.version === 2 ? schemaV2 : schemaV3;
  const object = (): Json => objectDefinition(resource, schema, definitions);
  return {
    [name]: object,
    [`${name}List`]: () => listDefinition(resource, definitions.refTo(name, object), definitions),
  };
}

function objectDefinition(
  resource: Resource,
  schema: Json | undefined,
  definitions: Definitions,
): Json {
  const metadata = definitions.refBeside('meta.v1.ObjectMeta', {
    description: `Standard object's metadata. More info: ${conventions}#metadata`,
  });
  return {
    ...schema,
    ...(schema && {
      properties: {
        ...(schema['properties'] as Json | undefined),
        ...typeMetaProperties(definitions),
        metadata,
      },
    }),
    type: 'object',
    ...identityOf(resource, resource.kind),
  };
}

function listDefinition(resource: Resource, item: Json, definitions: Definitions): Json {
  const { kind } = resource;
  return {
    description: `${kind}List is a list of ${kind}`,
    properties: {
      ...typeMetaProperties(definitions),
      items: {
        description: `List of ${resource.plural}. More info: ${conventions}`,
        items: item,
        type: 'array',
      },
      metadata: definitions.refBeside('meta.v1.ListMeta', {
        description: `Standard list metadata. More info: ${conventions}#types-kinds`,
      }),
    },
    required: ['items'],
    type: 'object',
    ...identityOf(resource, `${kind}List`),
  };
}

/** Which kind it is, and which of its fields can be selected by. */
function identityOf(resource: Resource, kind: string): Json {
  const fields = Object.keys(resource.fieldSelectors ?? {});
  return {
    'x-kubernetes-group-version-kind': [groupVersionKind(`${groupVersionOf(resource)}/${kind}`)],
    ...(fields.length > 0 && {
      'x-kubernetes-selectable-fields': fields.map((fieldPath) => ({ fieldPath })),
    }),
  };
}

/** Every built-in object says the same of these two. */
function typeMetaProperties(definitions: Definitions): Json {
  const property = (name: string): Json => {
    const description = definitions.text('core.v1.Pod', name);
    return { ...(description && { description }), type: 'string' };
  };
  return { apiVersion: property('apiVersion'), kind: property('kind') };
}
