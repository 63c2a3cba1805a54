import { DecodeError } from '#shared/api/codec/decode-context.ts';
import { ProtobufReader } from '#shared/api/codec/protobuf-reader.ts';
import { eachTag, protobufScalar, type ProtobufValue } from '#shared/api/codec/protobuf-scalars.ts';
import type { ProtobufWriter } from '#shared/api/codec/protobuf-writer.ts';
import {
  type FieldCodec,
  isEmpty,
  setOwn,
  sorted,
  structOf,
} from '#shared/api/codec/type-codec.ts';
import { type FieldData, typeData } from '#shared/api/schema/type-data.ts';

type Members = Readonly<Record<string, unknown>>;

const lengthDelimited = 2;

interface MessageField {
  readonly number: number;
  readonly goName: string;
  /** Writes the field as often as it occurs, tags included. */
  write(members: Members, writer: ProtobufWriter): void;
  /** Reads one occurrence into the struct's slots. */
  read(reader: ProtobufReader, wireType: number, slots: unknown[]): void;
}

const messages = new Map<string, Message>();

/** The message of a Go struct; compiled when it is first used, since types recurse. */
export function messageOf(typeName: string): Message {
  let message = messages.get(typeName);
  if (!message)
    messages.set(typeName, (message = new Message(typeName, structOf(typeName).fields)));
  return message;
}

/** One Go struct as protobuf: a table of fields, made from the observed numbers. */
export class Message implements ProtobufValue {
  readonly wireType = lengthDelimited;
  readonly zero = undefined;
  readonly #typeName: string;
  readonly #goName: string;
  /** Of the struct that holds the members: the type itself or the one that embeds it. */
  readonly #members: ReadonlyMap<string, FieldCodec>;
  readonly #inOrder: readonly FieldCodec[];
  readonly #blank: readonly undefined[];
  #descending: readonly MessageField[] | undefined;
  #byNumber: readonly (MessageField | undefined)[] = [];

  constructor(typeName: string, members: ReadonlyMap<string, FieldCodec>) {
    this.#typeName = typeName;
    this.#goName = typeName.slice(typeName.lastIndexOf('.') + 1);
    this.#members = members;
    this.#inOrder = [...members.values()];
    this.#blank = this.#inOrder.map(() => undefined);
  }

  write(value: unknown, writer: ProtobufWriter): void {
    const start = writer.length;
    this.writeFields((value ?? noMembers) as Members, writer);
    writer.varint32(writer.length - start);
  }

  /** Without the length that goes before a nested message. */
  writeFields(members: Members, writer: ProtobufWriter): void {
    const fields = this.#descending ?? this.#compile();
    for (const field of fields) field.write(members, writer);
  }

  read(reader: ProtobufReader): unknown {
    return this.readFields(reader.message());
  }

  /** The object that the message's fields make, in the form that Go would write as JSON. */
  readFields(reader: ProtobufReader, identity?: Readonly<Record<string, string>>): unknown {
    const slots: unknown[] = this.#blank.slice();
    this.readInto(reader, slots);
    const object: Record<string, unknown> = { ...identity };
    for (let index = 0; index < slots.length; index++) {
      const slot = slots[index];
      const field = this.#inOrder[index]!;
      if (slot === undefined && field.omitsEmpty) continue;
      const value = finished(slot);
      if (isWritten(field, value)) object[field.name] = value ?? field.zero();
    }
    return object;
  }

  readInto(reader: ProtobufReader, slots: unknown[]): void {
    if (!this.#descending) this.#compile();
    while (!reader.isAtEnd) {
      const tag = reader.varint32();
      const number = Math.floor(tag / 8);
      const wireType = tag % 8;
      if (wireType === 4)
        throw new DecodeError(`proto: ${this.#goName}: wiretype end group for non-group`);
      if (number <= 0)
        throw new DecodeError(`proto: ${this.#goName}: illegal tag ${number} (wire type ${tag})`);
      const field = this.#byNumber[number];
      if (field) field.read(reader, wireType, slots);
      else reader.skip(wireType);
    }
  }

  #compile(): readonly MessageField[] {
    const fields: MessageField[] = [];
    for (const [name, data] of Object.entries(typeData(this.#typeName).f ?? {})) {
      if (data.n === undefined) continue;
      const member = this.#members.get(name);
      if (member) fields.push(memberField(member, data, data.n));
      else fields.push(embeddedField(name, data, this.#members));
    }
    this.#descending = fields.toSorted((a, b) => b.number - a.number);
    const byNumber: (MessageField | undefined)[] = [];
    for (const field of fields) byNumber[field.number] = field;
    this.#byNumber = byNumber;
    return this.#descending;
  }
}

const noBytes = new Uint8Array();
const noMembers: Members = Object.freeze({});

function isWritten({ omitsEmpty, isPointer }: FieldCodec, value: unknown): boolean {
  if (!omitsEmpty) return true;
  if (value === undefined || value === null) return false;
  if (isPointer) return true;
  if (value === '' || value === 0 || value === false) return false;
  return typeof value !== 'object' || !isEmpty(value);
}

/** A map's keys come in any order from foreign encoders. */
function finished(value: unknown): unknown {
  return value instanceof MapSlot ? value.finish() : value;
}

class MapSlot {
  readonly #map: Record<string, unknown> = {};
  #previous = '';
  #isSorted = true;

  set(key: string, value: unknown): void {
    if (key < this.#previous) this.#isSorted = false;
    this.#previous = key;
    if (key === '__proto__') setOwn(this.#map, key, value);
    else this.#map[key] = value;
  }

  finish(): Record<string, unknown> {
    return this.#isSorted ? this.#map : sorted(this.#map);
  }
}

/** An embedded Go struct: a message of its own whose members lie flat in the object. */
function embeddedField(
  name: string,
  data: FieldData,
  members: ReadonlyMap<string, FieldCodec>,
): MessageField {
  const number = data.n!;
  const tag = number * 8 + lengthDelimited;
  const message = new Message(data.t.slice('ref:'.length), members);
  return {
    number,
    goName: name.slice(1),
    write(object, writer) {
      message.write(object, writer);
      writer.varint32(tag);
    },
    read(reader, wireType, slots) {
      expectWireType(wireType, lengthDelimited, name.slice(1));
      message.readInto(reader.message(), slots);
    },
  };
}

function memberField(member: FieldCodec, data: FieldData, number: number): MessageField {
  const { t } = data;
  if (t.startsWith('map:')) return mapField(member, t.slice('map:'.length), number);
  if (t.startsWith('list:')) return listField(member, t.slice('list:'.length), number);
  return singleField(member, data, number);
}

function singleField({ name, index }: FieldCodec, data: FieldData, number: number): MessageField {
  const value = valueOf(data.t);
  const tag = number * 8 + value.wireType;
  const goName = goNameOf(name);
  const isOptional = data.p === 1 || data.t === 'bytes';
  return {
    number,
    goName,
    write(members, writer) {
      const member = members[name];
      if (isOptional && (member === undefined || member === null)) return;
      value.write(member ?? value.zero, writer);
      writer.varint32(tag);
    },
    read(reader, wireType, slots) {
      expectWireType(wireType, value.wireType, goName);
      slots[index] = value.read(reader);
    },
  };
}

function listField({ name, index }: FieldCodec, items: string, number: number): MessageField {
  const item = valueOf(items);
  const tag = number * 8 + item.wireType;
  const goName = goNameOf(name);
  return {
    number,
    goName,
    write(members, writer) {
      const list = members[name] as readonly unknown[] | undefined | null;
      if (!list) return;
      for (let at = list.length - 1; at >= 0; at--) {
        item.write(list[at] ?? item.zero, writer);
        writer.varint32(tag);
      }
    },
    read(reader, wireType, slots) {
      const list = (slots[index] ??= []) as unknown[];
      if (wireType === lengthDelimited && item.wireType !== lengthDelimited) {
        const packed = reader.message();
        while (!packed.isAtEnd) list.push(item.read(packed));
        return;
      }
      expectWireType(wireType, item.wireType, goName);
      list.push(item.read(reader));
    },
  };
}

/** Repeated entries `{1: key, 2: value}`, in the order of the keys. */
function mapField({ name, index }: FieldCodec, values: string, number: number): MessageField {
  const item = valueOf(values);
  const tag = number * 8 + lengthDelimited;
  const keyTag = 8 + lengthDelimited;
  const valueTag = 16 + item.wireType;
  const goName = goNameOf(name);
  const absent = (): unknown =>
    item instanceof Message ? item.readFields(new ProtobufReader(noBytes)) : item.zero;
  return {
    number,
    goName,
    write(members, writer) {
      const map = members[name] as Members | undefined | null;
      if (!map) return;
      const keys = Object.keys(map).sort();
      for (let at = keys.length - 1; at >= 0; at--) {
        const key = keys[at]!;
        const start = writer.length;
        const value = map[key];
        if (value !== null || values !== 'bytes') {
          item.write(value ?? item.zero, writer);
          writer.varint32(valueTag);
        }
        writer.text(key);
        writer.varint32(keyTag);
        writer.varint32(writer.length - start);
        writer.varint32(tag);
      }
    },
    read(reader, wireType, slots) {
      expectWireType(wireType, lengthDelimited, goName);
      const map = (slots[index] ??= new MapSlot()) as MapSlot;
      const entry = reader.message();
      let key = '';
      let value: unknown;
      while (!entry.isAtEnd) {
        const entryTag = entry.varint32();
        if (entryTag === keyTag) key = entry.text();
        else if (entryTag === valueTag) value = item.read(entry);
        else entry.skip(entryTag % 8);
      }
      map.set(key, value ?? absent());
    },
  };
}

function valueOf(wire: string): ProtobufValue {
  if (!wire.startsWith('ref:')) return protobufScalar(wire);
  const typeName = wire.slice('ref:'.length);
  const { list, n, jsonUnion } = typeData(typeName);
  if (list !== undefined) return wrappedList(list, n ?? 1);
  return jsonUnion ? unionValue(typeName) : messageOf(typeName);
}

/** A named list type: a message around a repeated field. */
function wrappedList(items: string, number: number): ProtobufValue {
  const field = listField({ name: 'items', index: 0 } as FieldCodec, items, number);
  return {
    wireType: lengthDelimited,
    zero: null,
    write(value, writer) {
      const start = writer.length;
      field.write({ items: value }, writer);
      writer.varint32(writer.length - start);
    },
    read(reader) {
      const slots: unknown[] = [];
      eachTag(reader.message(), (tag, message) => {
        if (Math.floor(tag / 8) !== number) return false;
        field.read(message, tag % 8, slots);
        return true;
      });
      return slots[0] ?? null;
    },
  };
}

interface Arm {
  readonly tag: number;
  readonly wire: string;
  readonly value: ProtobufValue;
}

/** JSON shows one of the fields by itself; protobuf has them all, a boolean even beside a schema. */
function unionValue(typeName: string): ProtobufValue {
  const arms = Object.values(typeData(typeName).f ?? {}).map(({ t, n }): Arm => {
    const wire = t.startsWith('list:') ? t.slice('list:'.length) : t;
    const value = wire.startsWith('ref:') ? lazyMessage(wire.slice('ref:'.length)) : valueOf(wire);
    return { tag: n! * 8 + value.wireType, wire: t, value };
  });
  const schema = arms.find(({ wire }) => wire.startsWith('ref:'))!;
  const list = arms.find(({ wire }) => wire.startsWith('list:'));
  const allows = arms.find(({ wire }) => wire === 'bool');
  const writeArm = ({ tag, value }: Arm, content: unknown, writer: ProtobufWriter): void => {
    value.write(content, writer);
    writer.varint32(tag);
  };
  return {
    wireType: lengthDelimited,
    zero: null,
    write(value, writer) {
      const start = writer.length;
      const isSchema = typeof value === 'object' && value !== null && !Array.isArray(value);
      if (list && Array.isArray(value)) {
        for (const item of value.toReversed()) writeArm(list, item, writer);
      }
      if (isSchema) writeArm(schema, value, writer);
      if (allows) writeArm(allows, isSchema || value === true, writer);
      writer.varint32(writer.length - start);
    },
    read(reader) {
      let found: unknown;
      let isAllowed = false;
      const items: unknown[] = [];
      eachTag(reader.message(), (tag, message) => {
        if (tag === schema.tag) found = schema.value.read(message);
        else if (tag === list?.tag) items.push(list.value.read(message));
        else if (tag === allows?.tag) isAllowed = allows.value.read(message) === true;
        else return false;
        return true;
      });
      if (items.length > 0) return items;
      return found ?? (allows ? isAllowed : null);
    },
  };
}

/** A schema holds schemas: the message is looked up when it is needed. */
function lazyMessage(typeName: string): ProtobufValue {
  return {
    wireType: lengthDelimited,
    zero: undefined,
    write: (value, writer) => messageOf(typeName).write(value, writer),
    read: (reader) => messageOf(typeName).read(reader),
  };
}

function goNameOf(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function expectWireType(wireType: number, expected: number, goName: string): void {
  if (wireType !== expected)
    throw new DecodeError(`proto: wrong wireType = ${wireType} for field ${goName}`);
}
