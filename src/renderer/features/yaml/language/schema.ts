/** A schema as OpenAPI v3 publishes it, as far as the editor reads it. */
export interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly nullable?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[];
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export type Definitions = Readonly<Record<string, Schema>>;

/** One `group/version` of the cluster's OpenAPI v3. */
export interface OpenApiDocument {
  readonly components?: { readonly schemas?: Definitions };
}

/** A schema and where its references lead. */
export interface Rooted {
  readonly schema: Schema;
  readonly definitions: Definitions;
}

export type PathStep = string | number;

/** The schema of a kind in the document of its group and version. */
export function schemaOfKind(
  { components }: OpenApiDocument,
  apiVersion: string,
  kind: string,
): Rooted | undefined {
  const definitions = components?.schemas ?? {};
  const schema = Object.values(definitions).find((each) =>
    each['x-kubernetes-group-version-kind']?.some(
      (named) => named.kind === kind && apiVersionOf(named) === apiVersion,
    ),
  );
  return schema && { schema: resolved({ schema, definitions }).schema, definitions };
}

function apiVersionOf({ group, version }: GroupVersionKind): string {
  return group ? `${group}/${version}` : version;
}

/** Follows references; what stands beside a reference (a description, a default) goes before it. */
export function resolved({ schema, definitions }: Rooted): Rooted {
  const { $ref, allOf, ...own } = schema;
  const target = $ref === undefined ? undefined : definitions[$ref.split('/').at(-1) ?? ''];
  const parts = [...(target ? [target] : []), ...(allOf ?? [])];
  if (parts.length === 0) return { schema, definitions };
  const merged = parts.reduce<Schema>(
    (sum, part) => ({ ...sum, ...resolved({ schema: part, definitions }).schema }),
    {},
  );
  return { schema: { ...merged, ...own }, definitions };
}

/** One step down; undefined where the schema knows no such member, or says nothing about members. */
export function memberOf(rooted: Rooted, step: PathStep): Rooted | undefined {
  const { schema, definitions } = resolved(rooted);
  const of = (next: Schema | undefined): Rooted | undefined =>
    next && resolved({ schema: next, definitions });
  if (typeof step === 'number') return of(schema.items);
  const named = schema.properties?.[step];
  if (named) return of(named);
  const { additionalProperties } = schema;
  return typeof additionalProperties === 'object' ? of(additionalProperties) : undefined;
}

export function schemaAt(root: Rooted, path: readonly PathStep[]): Rooted | undefined {
  let at: Rooted | undefined = resolved(root);
  for (const step of path) at = at && memberOf(at, step);
  return at;
}

/** Whether any member may stand there. */
export function isOpen({ schema }: Rooted): boolean {
  if (schema['x-kubernetes-preserve-unknown-fields']) return true;
  if (schema.additionalProperties !== undefined) return schema.additionalProperties !== false;
  return schema.properties === undefined;
}

/** `string`, `[]Container`, `map of string`: a type in a word or two. */
export function typeText(rooted: Rooted): string {
  const { schema, definitions } = resolved(rooted);
  const of = (next: Schema): string => typeText({ schema: next, definitions });
  if (schema['x-kubernetes-int-or-string'] || schema.format === 'int-or-string')
    return 'number or string';
  if (schema.type === 'array') return `list of ${schema.items ? of(schema.items) : 'anything'}`;
  if (typeof schema.additionalProperties === 'object')
    return `map of ${of(schema.additionalProperties)}`;
  if (schema.type) return schema.type;
  const { oneOf } = schema;
  return oneOf ? oneOf.map((each) => each.type ?? 'anything').join(' or ') : 'anything';
}
