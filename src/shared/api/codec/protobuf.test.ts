import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  decodeMessage,
  encodeMessage,
  encodeProtobuf,
  openEnvelope,
  watchFrame,
  wrapList,
  wrapMessage,
} from '#shared/api/codec/protobuf.ts';
import { typeData, typeNames } from '#shared/api/schema/type-data.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** Objects in Go's own JSON with the bytes that Go's own serializer made of them. */
const samples = JSON.parse(readFileSync('test/data/protobuf.json', 'utf8')) as readonly {
  readonly object: KubeObject;
  readonly protobuf: string;
}[];

function typeOf({ apiVersion, kind }: KubeObject): string {
  return typeNames.find((name) => typeData(name).gvk?.includes(`${apiVersion}/${kind}`))!;
}

test.each(samples)('$object.kind is encoded to upstream’s bytes', ({ object, protobuf }) => {
  const encoded = encodeProtobuf(typeOf(object), object, object);
  expect(Buffer.from(encoded).toString('base64')).toBe(protobuf);
});

test.each(samples)('$object.kind is decoded from upstream’s bytes', ({ object, protobuf }) => {
  const { apiVersion, kind, raw } = openEnvelope(Buffer.from(protobuf, 'base64'));
  expect({ apiVersion, kind }).toEqual({ apiVersion: object.apiVersion, kind: object.kind });
  expect(JSON.stringify(decodeMessage(typeOf(object), raw))).toBe(JSON.stringify(object));
});

test('an object, a list and a watch share one encoding of the object', () => {
  const object = { metadata: { name: 'a' }, data: { k: 'v' } };
  const message = encodeMessage('core.v1.ConfigMap', object);
  const typeMeta = { apiVersion: 'v1', kind: 'ConfigMap' };
  expect(wrapMessage(typeMeta, message)).toEqual(
    encodeProtobuf('core.v1.ConfigMap', typeMeta, object),
  );

  const listMeta = { apiVersion: 'v1', kind: 'ConfigMapList' };
  const list = { metadata: { resourceVersion: '7' }, items: [object, object] };
  expect(wrapList(listMeta, list.metadata, [message, message])).toEqual(
    encodeProtobuf('core.v1.ConfigMapList', listMeta, list),
  );

  const frame = watchFrame('ADDED', wrapMessage(typeMeta, message));
  const event = encodeMessage('meta.v1.WatchEvent', { type: 'ADDED', object: null });
  expect(new DataView(frame.buffer).getUint32(0)).toBe(frame.length - 4);
  expect(frame.subarray(4, 4 + 7)).toEqual(event.subarray(0, 7));
  expect(Buffer.from(frame).indexOf(Buffer.from(wrapMessage(typeMeta, message)))).toBeGreaterThan(
    0,
  );
});

const broken: readonly (readonly [what: string, bytes: readonly number[], message: string])[] = [
  [
    'something else',
    [0x7b, 0x7d],
    'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
  ],
  ['a cut message', [0x6b, 0x38, 0x73, 0, 0x12, 9, 1], 'unexpected EOF'],
];

test.each(broken)('%s is refused', (_what, bytes, message) => {
  expect(() => openEnvelope(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ message }));
});

test('a message of another shape is refused', () => {
  const decode = (...bytes: readonly number[]) =>
    decodeMessage('core.v1.ConfigMap', Uint8Array.from(bytes));
  expect(() => decode(0x08, 1)).toThrow('proto: wrong wireType = 0 for field Metadata');
  expect(() => decode(0x0c)).toThrow('proto: ConfigMap: wiretype end group for non-group');
  expect(decode(0xfa, 0x7f, 1, 0)).toMatchObject({ kind: 'ConfigMap' });
});
