import namedGoTypes from './go-types.json' with { type: 'json' };
import data from './types.json' with { type: 'json' };

/** What was observed of one member of a Go struct; `types.json` holds the legend. */
export interface FieldData {
  /** Wire type: a scalar, `ref:T`, `list:…` or `map:…`. */
  readonly t: string;
  readonly r?: 1;
  /** `e` omitempty, `z` omitzero; always written where absent. */
  readonly o?: 'e' | 'z';
  readonly p?: 1;
  readonly n?: number;
  readonly w?: 'varint' | 'bytes' | 'fixed64';
  readonly rep?: 1;
  readonly inline?: 1;
  readonly ps?: string;
  readonly pmk?: string;
  readonly lt?: 'atomic' | 'set' | 'map';
  readonly lk?: readonly string[];
  readonly mt?: 'atomic' | 'granular';
  readonly d?: unknown;
  readonly id?: unknown;
  readonly e?: readonly string[];
  readonly fmt?: string;
}

export interface TypeData {
  readonly f?: Readonly<Record<string, FieldData>>;
  /** `group/version/Kind`, where the type is a kind. */
  readonly gvk?: readonly string[];
  readonly st?: 'atomic' | 'granular';
  readonly union?: readonly { readonly on?: string; readonly of: readonly string[] }[];
  /** The item type of a named list type, and its number in the message that wraps it. */
  readonly list?: string;
  readonly n?: number;
  readonly jsonUnion?: 1;
  readonly proto?: 0;
  readonly openapi?: 0;
}

interface TypesFile {
  readonly openapiNames: Readonly<Record<string, string>>;
  readonly types: Readonly<Record<string, TypeData>>;
}

const { openapiNames, types } = data as unknown as TypesFile;

/** Every type by its short name, such as `core.v1.PodSpec`. */
export const typeNames: readonly string[] = Object.keys(types);

/** Throws for a name that no type has: the names are ours, so this is a bug. */
export function typeData(name: string): TypeData {
  const type = types[name];
  if (!type) throw new Error(`No type ${name} is in schema/types.json`);
  return type;
}

/** Upstream's OpenAPI name: `io.k8s.api.core.v1.PodSpec`. */
export function openApiName(name: string): string {
  return openapiNames[name] ?? `io.k8s.api.${name}`;
}

/**
 * The Go type of a member where it has a name of its own, such as `v1.RestartPolicy`: error messages
 * show it. `undefined` where the wire type tells as much.
 */
export function namedGoType(typeName: string, member: string): string | undefined {
  return (namedGoTypes as Readonly<Record<string, Readonly<Record<string, string>>>>)[typeName]?.[
    member
  ];
}

/** A member of a struct with the embedded Go structs around it flattened, as JSON shows them. */
export interface Member {
  readonly name: string;
  readonly data: FieldData;
  /** The struct that declares it: the type itself or one embedded in it. */
  readonly declaredIn: string;
  /** Names of the embedded Go structs between the type and the member; empty for its own. */
  readonly embeddedIn: readonly string[];
}

/** In the order of declaration. `TypeMeta` comes out as `kind` and `apiVersion`. */
export function membersOf(typeName: string): readonly Member[] {
  const members: Member[] = [];
  for (const [name, data] of Object.entries(typeData(typeName).f ?? {})) {
    if (!isEmbedded(name, data)) members.push({ name, data, declaredIn: typeName, embeddedIn: [] });
    else {
      for (const inner of membersOf(data.t.slice('ref:'.length)))
        members.push({ ...inner, embeddedIn: [name.slice(1), ...inner.embeddedIn] });
    }
  }
  return members;
}

function isEmbedded(name: string, data: FieldData): boolean {
  return data.inline === 1 || name.startsWith('~');
}
