import { DecodeContext, DecodeError } from '#shared/api/codec/decode-context.ts';
import type { ProtobufReader } from '#shared/api/codec/protobuf-reader.ts';
import type { ProtobufWriter } from '#shared/api/codec/protobuf-writer.ts';
import {
  formatMicroTime,
  formatTime,
  parseTime,
  type Timestamp,
  zeroTimeSeconds,
} from '#shared/api/codec/time.ts';
import { scalarCodec } from '#shared/api/codec/scalars.ts';

/** How one value goes over the wire, without its tag. */
export interface ProtobufValue {
  readonly wireType: number;
  /** Written where the object has no value and Go has no pointer. */
  readonly zero: unknown;
  write(value: unknown, writer: ProtobufWriter): void;
  read(reader: ProtobufReader): unknown;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const varint = 0;
const fixed64 = 1;
const lengthDelimited = 2;

const canonicalQuantity = scalarCodec('quantity').decodeAs('resource.Quantity');
const anyContext = new DecodeContext(false);

const text: ProtobufValue = {
  wireType: lengthDelimited,
  zero: '',
  write: (value, writer) => writer.text(value as string),
  read: (reader) => reader.text(),
};

const bool: ProtobufValue = {
  wireType: varint,
  zero: false,
  write: (value, writer) => writer.byte(value === true ? 1 : 0),
  read: (reader) => reader.varint64() !== 0,
};

const int64: ProtobufValue = {
  wireType: varint,
  zero: 0,
  write: (value, writer) => writer.varint64(value as number),
  read: (reader) => reader.varint64(),
};

const int32: ProtobufValue = { ...int64, read: (reader) => reader.varint64() | 0 };

const float64: ProtobufValue = {
  wireType: fixed64,
  zero: 0,
  write: (value, writer) => writer.fixed64(value as number),
  read: (reader) => reader.fixed64(),
};

const bytes: ProtobufValue = {
  wireType: lengthDelimited,
  zero: '',
  write(value, writer) {
    const content = bytesOfBase64(value as string);
    writer.bytes(content);
    writer.varint32(content.length);
  },
  read: (reader) => base64Of(reader.bytes()),
};

function bytesOfBase64(base64: string): Uint8Array {
  const binary = atob(base64);
  const content = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) content[index] = binary.charCodeAt(index);
  return content;
}

function base64Of(content: Uint8Array): string {
  let binary = '';
  for (const byte of content) binary += String.fromCharCode(byte);
  return btoa(binary);
}

const firstText = 8 + lengthDelimited;

/** `{1: text}`. */
const quantity: ProtobufValue = {
  wireType: lengthDelimited,
  zero: '0',
  write(value, writer) {
    const start = writer.length;
    writer.text(value as string);
    writer.byte(firstText);
    writer.varint32(writer.length - start);
  },
  read(reader) {
    let found = '';
    eachTag(reader.message(), (tag, message) => {
      if (tag !== firstText) return false;
      found = message.text();
      return true;
    });
    return found === '' ? '0' : canonicalQuantity(found, anyContext);
  },
};

/** `{1: type, 2: int, 3: string}`, all three always. */
const intOrString: ProtobufValue = {
  wireType: lengthDelimited,
  zero: 0,
  write(value, writer) {
    const start = writer.length;
    const isText = typeof value === 'string';
    writer.text(isText ? value : '');
    writer.byte(0x1a);
    writer.varint64(isText ? 0 : (value as number));
    writer.byte(0x10);
    writer.byte(isText ? 1 : 0);
    writer.byte(0x08);
    writer.varint32(writer.length - start);
  },
  read(reader) {
    let isText = false;
    let integer = 0;
    let string = '';
    eachTag(reader.message(), (tag, message) => {
      if (tag === 0x08) isText = message.varint64() === 1;
      else if (tag === 0x10) integer = message.varint64() | 0;
      else if (tag === 0x1a) string = message.text();
      else return false;
      return true;
    });
    return isText ? string : integer;
  },
};

/** An object shows few moments, and those again and again. */
const recentTimes = new Map<string, Timestamp>();
const maxRecentTimes = 1024;

function remembered(text: string): Timestamp {
  const known = recentTimes.get(text);
  if (known) return known;
  const time = parseTime(text);
  if (typeof time === 'string') throw new DecodeError(time);
  if (recentTimes.size >= maxRecentTimes) recentTimes.clear();
  recentTimes.set(text, time);
  return time;
}

/** Of the year 9999, the last one that RFC 3339 can write. */
const lastSecond = 253_402_300_799;

/** `{1: seconds, 2: nanos}`; Go's zero time is an empty message. */
const timeWith = (isMicro: boolean): ProtobufValue => ({
  wireType: lengthDelimited,
  zero: null,
  write(value, writer) {
    if (value === null) return writer.byte(0);
    const time = remembered(value as string);
    if (time.isZero) return writer.byte(0);
    const start = writer.length;
    writer.varint64(isMicro ? time.nanos - (time.nanos % 1000) : 0);
    writer.byte(0x10);
    writer.varint64(time.seconds);
    writer.byte(0x08);
    return writer.varint32(writer.length - start);
  },
  read(reader) {
    const message = reader.message();
    if (message.isAtEnd) return null;
    let seconds = 0;
    let nanos = 0;
    eachTag(message, (tag, inner) => {
      if (tag === 0x08) seconds = inner.varint64();
      else if (tag === 0x10) nanos = inner.varint64();
      else return false;
      return true;
    });
    if (seconds === zeroTimeSeconds && nanos === 0) return null;
    if (seconds < zeroTimeSeconds || seconds > lastSecond)
      throw new DecodeError('time outside of the years 1 to 9999');
    return isMicro ? formatMicroTime({ seconds, nanos }) : formatTime({ seconds });
  },
});

/** `{1: raw}`, where raw holds JSON. */
const json: ProtobufValue = {
  wireType: lengthDelimited,
  zero: null,
  write(value, writer) {
    if (value === null) return writer.byte(0);
    const start = writer.length;
    writer.text(JSON.stringify(value));
    writer.byte(firstText);
    return writer.varint32(writer.length - start);
  },
  read(reader) {
    let raw: Uint8Array | undefined;
    eachTag(reader.message(), (tag, message) => {
      if (tag !== firstText) return false;
      raw = message.bytes();
      return true;
    });
    return raw === undefined || raw.length === 0 ? null : parsedRaw(raw);
  },
};

function parsedRaw(raw: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(raw));
  } catch (error) {
    throw new DecodeError('raw member holds no JSON', { cause: error });
  }
}

/** Goes through a message; what `take` does not take is passed over. */
export function eachTag(
  message: ProtobufReader,
  take: (tag: number, message: ProtobufReader) => boolean,
): void {
  while (!message.isAtEnd) {
    const tag = message.varint32();
    if (!take(tag, message)) message.skip(tag % 8);
  }
}

const scalars: Readonly<Record<string, ProtobufValue>> = {
  string: text,
  bool,
  int32,
  int64,
  float64,
  bytes,
  quantity,
  intOrString,
  time: timeWith(false),
  microTime: timeWith(true),
  rawExtension: json,
  json,
  fieldsV1: json,
};

export function protobufScalar(wire: string): ProtobufValue {
  const value = scalars[wire];
  if (!value) throw new Error(`${wire} has no protobuf form`);
  return value;
}
