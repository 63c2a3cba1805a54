import type { DecodeContext, PathMember } from '#shared/api/codec/decode-context.ts';
import { countKeys, NumberLiteral } from '#shared/api/codec/json.ts';
import { type Decoder, scalarCodec } from '#shared/api/codec/scalars.ts';
import {
  type FieldData,
  type Member,
  membersOf,
  namedGoType,
  typeData,
} from '#shared/api/schema/type-data.ts';

interface Codec {
  readonly decode: Decoder;
  /** What Go writes where nobody gave a value. */
  readonly zero: () => unknown;
  /** Go has a struct there: `omitempty` never leaves it out. */
  readonly isStruct: boolean;
  readonly goType: string;
}

export interface FieldCodec extends PathMember {
  readonly index: number;
  readonly decode: Decoder;
  readonly zero: () => unknown;
  readonly isPointer: boolean;
  /** Leave the value out when it is Go's zero. */
  readonly omitsEmpty: boolean;
  /** Written even when nobody gave it. */
  readonly isAlwaysWritten: boolean;
}

const structs = new Map<string, StructCodec>();

/** Decodes one Go struct; compiled when it is first used, since types recurse. */
export function structOf(typeName: string): StructCodec {
  let struct = structs.get(typeName);
  if (!struct) structs.set(typeName, (struct = new StructCodec(typeName)));
  return struct;
}

export class StructCodec implements Codec {
  readonly isStruct = true;
  readonly goType: string;
  readonly #typeName: string;
  #fields: Map<string, FieldCodec> | undefined;
  #always: readonly FieldCodec[] = [];
  /** Of a type that is exactly one kind. */
  #identity: Readonly<Record<string, string>> | undefined;

  constructor(typeName: string) {
    this.#typeName = typeName;
    this.goType = goNameOf(typeName);
  }

  /** Members in Go's order, embedded ones in their place. */
  get fields(): ReadonlyMap<string, FieldCodec> {
    return this.#fields ?? this.#compile();
  }

  /** `kind` and `apiVersion`, for a type that is exactly one kind. */
  get identity(): Readonly<Record<string, string>> | undefined {
    if (!this.#fields) this.#compile();
    return this.#identity;
  }

  readonly zero = (): Record<string, unknown> => {
    if (!this.#fields) this.#compile();
    const object: Record<string, unknown> = {};
    for (const field of this.#always) object[field.name] = field.zero();
    return object;
  };

  /** Reads the members in the order given; only when that is not Go's are they put into it. */
  readonly decode = (value: unknown, context: DecodeContext): unknown => {
    const fields = this.#fields ?? this.#compile();
    if (value === null)
      return context.depth === 0 ? { ...this.#identity, ...this.zero() } : this.zero();
    if (!isObject(value)) {
      context.mismatch(value, this.goType);
      return this.zero();
    }
    const always = this.#always;
    const { depth } = context;
    const object: Record<string, unknown> = depth === 0 ? { ...this.#identity } : {};
    let last = -1;
    let due = 0;
    let isOrdered = true;
    for (const key in value) {
      const member = value[key];
      if (member === undefined) continue;
      context.keys++;
      const field = fields.get(key);
      if (field === undefined) {
        context.unknownField(key);
        if (typeof member === 'object') context.keys += countKeys(member);
        continue;
      }
      const { index } = field;
      if (index < last) isOrdered = false;
      else if (isOrdered) {
        while (due < always.length && always[due]!.index < index) {
          const skipped = always[due++]!;
          object[skipped.name] = skipped.zero();
        }
        if (always[due]?.index === index) due++;
      }
      last = index;
      if (depth === 0 && this.#identity && index < 2) continue;
      context.steps[depth] = field;
      context.depth = depth + 1;
      const decoded = field.decode(member, context);
      context.depth = depth;
      if (decoded !== undefined) object[key] = decoded;
    }
    if (!isOrdered) return this.#inOrder(object);
    for (; due < always.length; due++) object[always[due]!.name] = always[due]!.zero();
    return object;
  };

  #inOrder(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (const field of this.#fields!.values()) {
      const member = members[field.name];
      if (member !== undefined) object[field.name] = member;
      else if (field.isAlwaysWritten) object[field.name] = field.zero();
    }
    return object;
  }

  #compile(): Map<string, FieldCodec> {
    const type = typeData(this.#typeName);
    const owner = this.#typeName.slice(this.#typeName.lastIndexOf('.') + 1);
    const fields = new Map<string, FieldCodec>();
    for (const member of membersOf(this.#typeName))
      fields.set(member.name, fieldCodec(member, owner, fields.size));
    const [gvk, ...others] = type.gvk ?? [];
    if (gvk && others.length === 0 && fields.has('kind')) this.#identity = identityOf(gvk);
    this.#fields = fields;
    this.#always = [...fields.values()].filter((field) => field.isAlwaysWritten);
    return fields;
  }
}

function identityOf(gvk: string): Readonly<Record<string, string>> {
  const slash = gvk.lastIndexOf('/');
  return { kind: gvk.slice(slash + 1), apiVersion: gvk.slice(0, slash) };
}

function fieldCodec(member: Member, owner: string, index: number): FieldCodec {
  const { name, data, embeddedIn, declaredIn } = member;
  const codec = wireCodec(data.t, namedGoType(declaredIn, name));
  const isPointer = data.p === 1;
  const omitsEmpty = data.o === 'z' || (data.o === 'e' && (isPointer || !codec.isStruct));
  return {
    name,
    owner,
    embeddedIn,
    index,
    decode: fieldDecoder(member, codec, omitsEmpty),
    zero: isPointer ? () => null : codec.zero,
    isPointer,
    omitsEmpty,
    isAlwaysWritten: !omitsEmpty,
  };
}

function fieldDecoder(
  { name, data, declaredIn }: Member,
  codec: Codec,
  omitsEmpty: boolean,
): Decoder {
  const { decode } = codec;
  if (refusesEmpty.has(`${declaredIn}.${name}`)) {
    return (value, context) => (value === null ? undefined : decode(value, context));
  }
  const member = memberDecoder(codec, data, omitsEmpty);
  return omitsEmpty || codec.isStruct || isStoredAsJson(declaredIn) ? member : emptyAsNull(member);
}

/** Lists that upstream fills in when they are absent, and refuses when they are given and empty. */
const refusesEmpty = new Set(['autoscaling.v2.HPAScalingRules.policies']);

/** Upstream stores these as JSON, which tells an empty list from none. */
function isStoredAsJson(typeName: string): boolean {
  return typeName.startsWith('apiextensions.') || typeName.startsWith('apiregistration.');
}

/** Upstream stores protobuf, which does not: an empty list comes back as none. */
function emptyAsNull(decode: Decoder): Decoder {
  return (value, context) => {
    const decoded = decode(value, context);
    const isNothing = typeof decoded === 'object' && decoded !== null && isEmpty(decoded);
    return isNothing ? null : decoded;
  };
}

/** Answers `undefined` where Go leaves the member out. */
function memberDecoder(codec: Codec, { p }: FieldData, omitsEmpty: boolean): Decoder {
  const { decode } = codec;
  if (p === 1) {
    const absent = omitsEmpty ? undefined : null;
    return (value, context) => (value === null ? absent : decode(value, context));
  }
  if (!omitsEmpty) return decode;
  return (value, context) => {
    const decoded = decode(value, context);
    if (decoded === '' || decoded === 0 || decoded === false || decoded === null) return undefined;
    if (typeof decoded === 'object' && isEmpty(decoded)) return undefined;
    return decoded;
  };
}

export function isEmpty(value: object): boolean {
  if (Array.isArray(value)) return value.length === 0;
  for (const _key in value) return false;
  return true;
}

/** `goType` is the type's name in messages where the wire type does not tell it. */
function wireCodec(wire: string, goType?: string): Codec {
  if (wire.startsWith('list:')) return listCodec(wire.slice('list:'.length), goType);
  if (wire.startsWith('map:')) return mapCodec(wire.slice('map:'.length), goType);
  if (wire.startsWith('ref:')) {
    const typeName = wire.slice('ref:'.length);
    const { list, jsonUnion } = typeData(typeName);
    if (list !== undefined) return listCodec(list, goNameOf(typeName));
    return jsonUnion ? unionCodec(typeName) : structOf(typeName);
  }
  const { decodeAs, zero, isStruct } = scalarCodec(wire);
  const shown = goType ?? goScalars[wire] ?? wire;
  return { decode: decodeAs(shown), zero: () => zero, isStruct, goType: shown };
}

function listCodec(items: string, named?: string): Codec {
  const item = wireCodec(items, named?.startsWith('[]') ? named.slice(2) : undefined);
  const goType = named ?? `[]${item.goType}`;
  const decode: Decoder = (value, context) => {
    if (value === null) return null;
    if (!Array.isArray(value)) {
      context.mismatch(value, goType);
      return null;
    }
    const { depth } = context;
    const list: unknown[] = [];
    for (let index = 0; index < value.length; index++) {
      context.steps[depth] = index;
      context.depth = depth + 1;
      list.push(item.decode(value[index], context));
    }
    context.depth = depth;
    return list;
  };
  return { decode, zero: () => null, isStruct: false, goType };
}

function mapCodec(values: string, named?: string): Codec {
  const item = wireCodec(
    values,
    named?.startsWith('map[') ? named.replace(/^map\[[^\]]*\]/, '') : undefined,
  );
  const goType = named ?? `map[string]${item.goType}`;
  const decode: Decoder = (value, context) => {
    if (value === null) return null;
    if (!isObject(value)) {
      context.mismatch(value, goType);
      return null;
    }
    const { depth } = context;
    const map: Record<string, unknown> = {};
    let previous = '';
    let isSorted = true;
    for (const key in value) {
      context.keys++;
      context.steps[depth] = key;
      context.depth = depth + 1;
      // Protobuf cannot tell absent bytes from none in a map.
      const decoded = item.decode(value[key], context) ?? (values === 'bytes' ? '' : null);
      if (key === '__proto__') setOwn(map, key, decoded);
      else map[key] = decoded;
      if (key < previous) isSorted = false;
      previous = key;
    }
    context.depth = depth;
    return isSorted ? map : sorted(map);
  };
  return { decode, zero: () => null, isStruct: false, goType };
}

/** Go writes a map's keys in order. */
export function sorted(map: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(map).sort()) {
    if (key === '__proto__') setOwn(result, key, map[key]);
    else result[key] = map[key];
  }
  return result;
}

/** A plain assignment would change the prototype. */
export function setOwn(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

/** A schema, a list or a boolean in one place; Go reads it apart, so nothing strict is found in it. */
function unionCodec(typeName: string): Codec {
  const arms = Object.values(typeData(typeName).f ?? {}).map(({ t }) => t);
  const list = arms.find((wire) => wire.startsWith('list:'));
  const schema = structOf('apiextensions.v1.JSONSchemaProps');
  const items = list === undefined ? undefined : listCodec(list.slice('list:'.length));
  const decodeArm: Decoder = (value, context) => {
    if (isObject(value)) return schema.decode(value, context);
    if (items)
      return Array.isArray(value) && value.length > 0 ? items.decode(value, context) : null;
    if (typeof value === 'boolean') return value;
    return context.fail('boolean or JSON schema expected');
  };
  const decode: Decoder = (value, context) => {
    const { isStrict } = context;
    context.isStrict = false;
    const before = context.firstFault;
    context.firstFault = undefined;
    try {
      const decoded = decodeArm(value, context);
      // What fails in a function of its own ends the whole decoding.
      context.finish();
      return decoded;
    } finally {
      context.firstFault = before;
      context.isStrict = isStrict;
    }
  };
  return { decode, zero: () => (items ? null : false), isStruct: true, goType: goNameOf(typeName) };
}

const goScalars: Readonly<Record<string, string>> = {
  quantity: 'resource.Quantity',
  intOrString: 'intstr.IntOrString',
  bytes: '[]uint8',
  time: 'v1.Time',
  microTime: 'v1.MicroTime',
  rawExtension: 'runtime.RawExtension',
  json: 'v1.JSON',
  fieldsV1: 'v1.FieldsV1',
};

/** `v1.PodSpec` for `core.v1.PodSpec`. */
function goNameOf(typeName: string): string {
  return typeName.slice(typeName.indexOf('.') + 1);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof NumberLiteral)
  );
}
