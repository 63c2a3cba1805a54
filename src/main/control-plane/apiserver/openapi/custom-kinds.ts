import type { Definitions, Json } from '#main/control-plane/apiserver/openapi/definitions.ts';
import { groupVersionKind } from '#main/control-plane/apiserver/openapi/definitions.ts';
import type { KindPayloads } from '#main/control-plane/apiserver/openapi/resource-paths.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';

/** A kind that a CRD defines, with its structural schema in both dialects. */
export interface CustomKind {
  readonly resource: Resource;
  /** Without `apiVersion`, `kind` and `metadata`, which are added; absent where unknown fields are kept. */
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
  const object = (): Json => objectDefinition(resource, schema ?? { type: 'object' }, definitions);
  return {
    [name]: object,
    [`${name}List`]: () => listDefinition(resource, definitions.refTo(name, object), definitions),
  };
}

function objectDefinition(resource: Resource, schema: Json, definitions: Definitions): Json {
  const properties = schema['properties'] as Json | undefined;
  const metadata = definitions.refBeside('meta.v1.ObjectMeta', {
    description: "Standard object's metadata.",
  });
  return {
    ...schema,
    properties: { ...properties, ...typeMetaProperties, metadata },
    type: 'object',
    'x-kubernetes-group-version-kind': [
      groupVersionKind(`${groupVersionOf(resource)}/${resource.kind}`),
    ],
  };
}

function listDefinition(resource: Resource, item: Json, definitions: Definitions): Json {
  const { kind } = resource;
  return {
    description: `${kind}List is a list of ${kind}`,
    properties: {
      ...typeMetaProperties,
      items: {
        description: `List of ${resource.plural}.`,
        items: item,
        type: 'array',
      },
      metadata: definitions.refBeside('meta.v1.ListMeta', {
        description: 'Standard list metadata.',
      }),
    },
    required: ['items'],
    type: 'object',
    'x-kubernetes-group-version-kind': [
      groupVersionKind(`${groupVersionOf(resource)}/${kind}List`),
    ],
  };
}

const typeMetaProperties: Json = {
  apiVersion: {
    description: 'The group and version in which the object is written.',
    type: 'string',
  },
  kind: { description: 'What the object is, in CamelCase.', type: 'string' },
};
