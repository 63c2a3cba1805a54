import { DecodeError } from '#shared/api/codec/decode-context.ts';
import { tooDeep } from '#shared/api/codec/json.ts';
import { messageOf } from '#shared/api/codec/protobuf-message.ts';
import { ProtobufReader } from '#shared/api/codec/protobuf-reader.ts';
import { ProtobufWriter } from '#shared/api/codec/protobuf-writer.ts';
import { structOf } from '#shared/api/codec/type-codec.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

/**
 * Kubernetes' protobuf: the bytes `k8s\0`, then a `runtime.Unknown` that names the kind and holds the
 * object's own message. Everything here is written by upstream's rules to the byte, so that one
 * encoding of an object serves its readers, lists and watchers.
 */
export interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

const magic = Uint8Array.of(0x6b, 0x38, 0x73, 0x00);
const writer = new ProtobufWriter(64 * 1024);

const field = (number: number): number => number * 8 + 2;

/** The bare message, as a list holds it; wrap it with `wrapMessage` for everybody else. */
export function encodeMessage(typeName: string, object: object): Uint8Array {
  writer.reset();
  messageOf(typeName).writeFields(object as Readonly<Record<string, unknown>>, writer);
  return writer.finish();
}

/** The whole object as it goes over the wire. */
export function encodeProtobuf(
  typeName: string,
  { apiVersion, kind }: TypeMeta,
  object: object,
): Uint8Array {
  writer.reset();
  startEnvelope();
  messageOf(typeName).write(object, writer);
  finishEnvelope(apiVersion, kind);
  return writer.finish();
}

/** The same around a message that is encoded already. */
export function wrapMessage({ apiVersion, kind }: TypeMeta, message: Uint8Array): Uint8Array {
  writer.reset();
  startEnvelope();
  writer.bytes(message);
  writer.varint32(message.length);
  finishEnvelope(apiVersion, kind);
  return writer.finish();
}

/** A list of messages that are encoded already; `typeMeta` is the list's own, such as `v1` `PodList`. */
export function wrapList(
  { apiVersion, kind }: TypeMeta,
  metadata: object,
  items: readonly Uint8Array[],
): Uint8Array {
  writer.reset();
  startEnvelope();
  const start = writer.length;
  for (let index = items.length - 1; index >= 0; index--) {
    const item = items[index]!;
    writer.bytes(item);
    writer.varint32(item.length);
    writer.byte(field(2));
  }
  messageOf('meta.v1.ListMeta').write(metadata, writer);
  writer.byte(field(1));
  writer.varint32(writer.length - start);
  finishEnvelope(apiVersion, kind);
  return writer.finish();
}

/** One event of a watch: its length in four bytes, then a bare `WatchEvent` around `object`'s envelope. */
export function watchFrame(type: string, object: Uint8Array): Uint8Array {
  writer.reset();
  const start = writer.length;
  writer.bytes(object);
  writer.varint32(object.length);
  writer.byte(field(1));
  writer.varint32(writer.length - start);
  writer.byte(field(2));
  writer.text(type);
  writer.byte(field(1));
  const { length } = writer;
  for (const shift of [0, 8, 16, 24]) writer.byte((length >>> shift) & 0xff);
  return writer.finish();
}

/** `contentEncoding` and `contentType` follow the message and are empty, but written. */
function startEnvelope(): void {
  writer.byte(0);
  writer.byte(field(4));
  writer.byte(0);
  writer.byte(field(3));
}

function finishEnvelope(apiVersion: string, kind: string): void {
  writer.byte(field(2));
  const start = writer.length;
  writer.text(kind);
  writer.byte(field(2));
  writer.text(apiVersion);
  writer.byte(field(1));
  writer.varint32(writer.length - start);
  writer.byte(field(1));
  writer.bytes(magic);
}

export interface Envelope extends TypeMeta {
  readonly raw: Uint8Array;
  /** Empty for protobuf; JSON may travel in the envelope too. */
  readonly contentType: string;
}

/** Opens what a client sent; throws `DecodeError` with upstream's words. */
export function openEnvelope(body: Uint8Array): Envelope {
  if (magic.some((byte, index) => body[index] !== byte)) {
    throw new DecodeError(
      `provided data does not appear to be a protobuf message, expected prefix [${magic.join(' ')}]`,
    );
  }
  const reader = new ProtobufReader(body, magic.length);
  let typeMeta: TypeMeta = { apiVersion: '', kind: '' };
  let raw = new Uint8Array();
  let contentType = '';
  while (!reader.isAtEnd) {
    const tag = reader.varint32();
    if (tag === field(1)) typeMeta = readTypeMeta(reader.message());
    else if (tag === field(2)) raw = reader.bytes() as typeof raw;
    else if (tag === field(4)) contentType = reader.text();
    else reader.skip(tag % 8);
  }
  return { ...typeMeta, raw, contentType };
}

function readTypeMeta(reader: ProtobufReader): TypeMeta {
  let apiVersion = '';
  let kind = '';
  while (!reader.isAtEnd) {
    const tag = reader.varint32();
    if (tag === field(1)) apiVersion = reader.text();
    else if (tag === field(2)) kind = reader.text();
    else reader.skip(tag % 8);
  }
  return { apiVersion, kind };
}

/** The object of a bare message, in the canonical form of `decodeObject`; a fresh draft. */
export function decodeMessage(typeName: string, message: Uint8Array): Draft<KubeObject> {
  const { identity } = structOf(typeName);
  try {
    const reader = new ProtobufReader(message);
    return messageOf(typeName).readFields(reader, identity) as Draft<KubeObject>;
  } catch (error) {
    if (error instanceof RangeError) throw new DecodeError(tooDeep, { cause: error });
    throw error;
  }
}
