/** Protocol buffers (proto3), as far as the APIs spoken here need them, from definitions kept as data. */

type Kind = 'int64' | 'bigint' | 'bool' | 'enum' | 'string' | 'key' | 'bytes' | 'map' | 'message';

export interface Field<T> {
  readonly number: number;
  readonly kind: Kind;
  readonly repeated: boolean;
  /** Of a part of a oneof: to be told apart from its absence even when it is empty. */
  readonly explicit: boolean;
  readonly message: MessageType<unknown> | undefined;
  /** Only for the type checker. */
  readonly type?: T;
}

interface NamedField extends Field<unknown> {
  readonly name: string;
}

export interface MessageType<T> {
  readonly fields: readonly NamedField[];
  readonly byNumber: readonly (NamedField | undefined)[];
  /** What a message without any field says; of its bytes nothing, which is the reader's to make. */
  readonly empty: () => Record<string, unknown>;
  /** The fields that hold bytes, and none where nothing is said. */
  readonly bytes: readonly string[];
  readonly type?: T;
}

type Shape<F> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };
export type MessageOf<M> = M extends MessageType<infer T> ? T : never;

/** A message as it arrives: every field is there, in nested messages too. */
export type Decoded<T> = T extends Uint8Array | string | number | boolean | bigint | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Decoded<Item>[]
    : { readonly [K in keyof T]-?: Decoded<T[K]> };

/** What Node's Buffer can do besides a plain Uint8Array. */
interface Memory extends Uint8Array {
  toString(encoding?: 'utf8' | 'latin1', from?: number, to?: number): string;
  write(text: string, at: number, encoding: 'utf8' | 'latin1'): number;
  copy(target: Uint8Array, targetAt: number, from: number, to: number): number;
}

interface Allocator<M extends Memory> {
  allocUnsafe(length: number): M;
  allocUnsafeSlow(length: number): M;
  byteLength(text: string): number;
}

interface Protobuf<M extends Memory> {
  /** Fields left out, and those with their default value, are not written. */
  encode<T>(type: MessageType<T>, value: Partial<T>, prefix?: number): M;
  /** Reads a message. The bytes fields are copies: they may outlive `source`. Throws if it is cut off. */
  decode<T>(type: MessageType<T>, source: M): T;
}

/** Reads and writes messages in the platform's own kind of memory: `Buffer`, where Node runs. */
export function createProtobuf<M extends Memory>(allocator: Allocator<M>): Protobuf<M> {
  const writer = new Writer(allocator);
  const nothing = allocator.allocUnsafe(0);
  return {
    encode: (type, value, prefix = 0) => writer.write(type, value, prefix),
    decode: <T>(type: MessageType<T>, source: M) =>
      new Reader(source, allocator, nothing).message(type, source.length) as T,
  };
}

/** Integers that are known to be safe: revisions, counts, seconds. */
export const int64 = (number: number): Field<number> => field(number, 'int64');
/** Integers that need all 64 bits: identifiers. Unsigned ones come out negative from 2^63 on. */
export const bigint64 = (number: number): Field<bigint> => field(number, 'bigint');
export const bool = (number: number): Field<boolean> => field(number, 'bool');
export const enumeration = (number: number): Field<number> => field(number, 'enum');
export const text = (number: number): Field<string> => field(number, 'string');
/** Bytes as a string of one character each, as the store spells keys. */
export const key = (number: number): Field<string> => field(number, 'key');
export const bytes = (number: number): Field<Uint8Array> => field(number, 'bytes');
export function nested<T>(number: number, message: MessageType<T>): Field<Partial<T> | undefined> {
  return { ...field(number, 'message'), message };
}
export function repeated<T>(one: Field<T>): Field<readonly Exclude<T, undefined>[]> {
  return { ...(one as Field<never>), repeated: true };
}
/** Texts by texts. */
export const textMap = (number: number): Field<Readonly<Record<string, string>>> =>
  field(number, 'map');
/** A member of a oneof. */
export function choice<T>(one: Field<T>): Field<T | undefined> {
  return { ...one, explicit: true };
}

function field<T>(number: number, kind: Kind): Field<T> {
  return { number, kind, repeated: false, explicit: false, message: undefined };
}

export function message<F extends Record<string, Field<unknown>>>(
  fields: F,
): MessageType<Shape<F>> {
  const named = Object.entries(fields).map(([name, one]) => ({ ...one, name }));
  const byNumber: NamedField[] = [];
  for (const one of named) byNumber[one.number] = one;
  const blank = Object.fromEntries(named.map((one) => [one.name, defaultOf(one)]));
  const bytes = named.filter(isBytes).map(({ name }) => name);
  return { fields: named, byNumber, empty: () => ({ ...blank }), bytes };
}

/** A message that holds itself: `define` is given the type that it is about to define. */
export function recursive<T>(
  define: (self: MessageType<T>) => Record<string, Field<unknown>>,
): MessageType<T> {
  const self: Mutable<MessageType<T>> = {
    fields: [],
    byNumber: [],
    empty: () => ({}),
    bytes: [],
  };
  return Object.assign(self, message(define(self)));
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const noItems: readonly unknown[] = Object.freeze([]);
const noEntries: Readonly<Record<string, string>> = Object.freeze({});
const mapEntry = message({ key: text(1), value: text(2) });

function defaultOf({ kind, repeated: many, explicit }: Field<unknown>): unknown {
  if (many) return noItems;
  if (explicit || kind === 'message') return undefined;
  switch (kind) {
    case 'int64':
    case 'enum':
      return 0;
    case 'bigint':
      return 0n;
    case 'bool':
      return false;
    case 'bytes':
      return undefined;
    case 'map':
      return noEntries;
    case 'string':
    case 'key':
    default:
      return '';
  }
}

function isBytes({ kind, repeated: many, explicit }: NamedField): boolean {
  return kind === 'bytes' && !many && !explicit;
}

class Reader<M extends Memory> {
  readonly #source: M;
  readonly #allocator: Allocator<M>;
  readonly #nothing: M;
  #at = 0;
  #high = 0;

  constructor(source: M, allocator: Allocator<M>, nothing: M) {
    this.#nothing = nothing;
    this.#source = source;
    this.#allocator = allocator;
  }

  message(type: MessageType<unknown>, end: number): Record<string, unknown> {
    const result = type.empty();
    for (const name of type.bytes) result[name] = this.#nothing;
    while (this.#at < end) {
      const tag = this.#low32();
      const known = type.byNumber[tag >>> 3];
      if (!known) this.#skip(tag & 7);
      else if (known.kind === 'map') this.#entry(result, known.name, end);
      else if (!known.repeated) result[known.name] = this.#value(known, end);
      else this.#item(result, known, { wire: tag & 7, end });
    }
    if (this.#at !== end) throw new Error('A message is cut off');
    return result;
  }

  #entry(result: Record<string, unknown>, name: string, end: number): void {
    const length = this.#low32();
    const to = this.#at + length;
    if (to > end) throw new Error('A field is cut off');
    const { key, value } = this.message(mapEntry, to) as { key: string; value: string };
    const entries = result[name] as Record<string, string>;
    if (entries === noEntries) result[name] = { [key]: value };
    else entries[key] = value;
  }

  #item(
    result: Record<string, unknown>,
    known: NamedField,
    { wire, end }: { readonly wire: number; readonly end: number },
  ): void {
    let items = result[known.name] as unknown[];
    if (items === noItems) result[known.name] = items = [];
    if (wire !== 2 || known.kind === 'message' || isLengthDelimited(known.kind)) {
      items.push(this.#value(known, end));
      return;
    }
    const packedEnd = this.#low32() + this.#at;
    while (this.#at < packedEnd) items.push(this.#value(known, packedEnd));
  }

  #value(known: NamedField, end: number): unknown {
    switch (known.kind) {
      case 'int64':
        return this.#safeInteger();
      case 'bigint':
        return this.#bigint();
      case 'enum':
        return this.#low32();
      case 'bool':
        return this.#low32() !== 0;
      case 'string':
      case 'key':
      case 'bytes':
      case 'map':
      case 'message':
      default:
        return this.#delimited(known, end);
    }
  }

  #delimited({ kind, message }: NamedField, end: number): unknown {
    const length = this.#low32();
    const from = this.#at;
    const to = from + length;
    if (to > end) throw new Error('A field is cut off');
    if (kind === 'message') return this.message(message!, to);
    this.#at = to;
    if (kind === 'bytes') return this.#copy(from, to);
    return this.#source.toString(kind === 'key' ? 'latin1' : 'utf8', from, to);
  }

  /** Small values share memory among each other, large ones have their own, none holds the source. */
  #copy(from: number, to: number): M {
    const length = to - from;
    const own =
      length < 256 ? this.#allocator.allocUnsafe(length) : this.#allocator.allocUnsafeSlow(length);
    this.#source.copy(own, 0, from, to);
    return own;
  }

  #skip(wire: number): void {
    if (wire === 0) this.#low32();
    else if (wire === 2) {
      const length = this.#low32();
      this.#at += length;
    } else if (wire === 1) this.#at += 8;
    else if (wire === 5) this.#at += 4;
    else throw new Error(`A field has the unknown wire type ${wire}`);
  }

  /** The lower 32 bits of a varint, unsigned; the upper ones are left in `#high`. */
  #low32(): number {
    const source = this.#source;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = source[this.#at++];
      if (byte === undefined) throw new Error('A number is cut off');
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high = part >>> 4;
      } else if (shift < 63) high |= part << (shift - 32);
      else high |= part << 31;
      if (byte < 0x80) {
        this.#high = high;
        return low >>> 0;
      }
    }
    throw new Error('A number is too long');
  }

  #safeInteger(): number {
    const low = this.#low32();
    return this.#high === 0 ? low : (this.#high | 0) * 0x1_0000_0000 + low;
  }

  #bigint(): bigint {
    const low = this.#low32();
    if (this.#high === 0) return BigInt(low);
    return (BigInt(this.#high | 0) << 32n) | BigInt(low);
  }
}

function isLengthDelimited(kind: Kind): boolean {
  return kind === 'string' || kind === 'key' || kind === 'bytes';
}

const scratchBytes = 256 * 1024;

/** Writes messages into one buffer that grows, and hands out copies of what it wrote. */
class Writer<M extends Memory> {
  readonly #allocator: Allocator<M>;
  #target: M;
  #at = 0;

  constructor(allocator: Allocator<M>) {
    this.#allocator = allocator;
    this.#target = allocator.allocUnsafeSlow(scratchBytes);
  }

  /** With `prefix` bytes left free in front, to be filled in by the caller. */
  write(type: MessageType<unknown>, value: object, prefix: number): M {
    this.#at = prefix;
    this.#room(prefix);
    this.#message(type, value as Record<string, unknown>);
    const written = this.#allocator.allocUnsafe(this.#at);
    this.#target.copy(written, 0, 0, this.#at);
    if (this.#target.length > 16 * scratchBytes)
      this.#target = this.#allocator.allocUnsafeSlow(scratchBytes);
    return written;
  }

  #message(type: MessageType<unknown>, value: Record<string, unknown>): void {
    for (const known of type.fields) {
      const part = value[known.name];
      if (part === undefined) continue;
      if (known.repeated) this.#items(known, part as readonly unknown[]);
      else if (known.kind === 'map') this.#entries(known, part as Record<string, string>);
      else if (known.explicit || !isDefault(part)) this.#field(known, part);
    }
  }

  #items(known: NamedField, items: readonly unknown[]): void {
    for (const item of items) this.#field(known, item);
  }

  #entries(known: NamedField, entries: Readonly<Record<string, string>>): void {
    const entry = { ...known, kind: 'message' as const, message: mapEntry };
    for (const [key, value] of Object.entries(entries)) this.#field(entry, { key, value });
  }

  #field({ number, kind, message }: NamedField, value: unknown): void {
    this.#room(24);
    const delimited = kind === 'message' || isLengthDelimited(kind);
    this.#varint((number << 3) | (delimited ? 2 : 0));
    switch (kind) {
      case 'int64':
      case 'enum':
        return this.#number(value as number);
      case 'bigint':
        return this.#bigint(value as bigint);
      case 'bool':
        return this.#varint(value === true ? 1 : 0);
      case 'bytes':
        return this.#bytes(value as Uint8Array);
      case 'message':
        return this.#nested(message!, value as Record<string, unknown>);
      case 'string':
      case 'key':
      case 'map':
      default:
        return this.#string(value as string, kind === 'key' ? 'latin1' : 'utf8');
    }
  }

  #bytes(value: Uint8Array): void {
    this.#varint(value.length);
    this.#room(value.length);
    this.#target.set(value, this.#at);
    this.#at += value.length;
  }

  #string(value: string, encoding: 'latin1' | 'utf8'): void {
    const length = encoding === 'latin1' ? value.length : this.#allocator.byteLength(value);
    this.#varint(length);
    this.#room(length);
    this.#target.write(value, this.#at, encoding);
    this.#at += length;
  }

  /** The length comes first but is known last: one byte is kept for it, more are made room for. */
  #nested(type: MessageType<unknown>, value: Record<string, unknown>): void {
    const lengthAt = this.#at++;
    this.#message(type, value);
    const length = this.#at - lengthAt - 1;
    if (length < 0x80) {
      this.#target[lengthAt] = length;
      return;
    }
    const extra = varintLength(length) - 1;
    this.#room(extra);
    this.#target.copyWithin(lengthAt + 1 + extra, lengthAt + 1, this.#at);
    this.#at = lengthAt;
    this.#varint(length);
    this.#at += length;
  }

  #number(value: number): void {
    if (value >= 0 && value <= 0xffffffff) this.#varint(value);
    else this.#bigint(BigInt(value));
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#target[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#target[this.#at++] = rest;
  }

  #bigint(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.#target[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#target[this.#at++] = Number(rest);
  }

  #room(length: number): void {
    if (this.#at + length <= this.#target.length) return;
    const wanted = Math.max(this.#target.length * 2, this.#at + length);
    const larger = this.#allocator.allocUnsafeSlow(wanted);
    this.#target.copy(larger, 0, 0, this.#at);
    this.#target = larger;
  }
}

function isDefault(value: unknown): boolean {
  return (
    value === 0 ||
    value === false ||
    value === '' ||
    value === 0n ||
    (value instanceof Uint8Array && value.length === 0)
  );
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest >>>= 7) length++;
  return length;
}
