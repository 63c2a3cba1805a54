import {
  encodeObject,
  isEncodedAs,
  objectForm,
  type StoredContent,
} from '#main/control-plane/apiserver/storage/entry.ts';
import type { ResourceCache } from '#main/control-plane/apiserver/storage/resource-cache.ts';
import type { KeyValue } from '#main/control-plane/etcd/store.ts';
import { decodeMessage, openEnvelope } from '#shared/api/codec/protobuf.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

const protobufMagic = Buffer.from('k8s\0');

/** Reads a value of the store: our own JSON as it is; what upstream's server wrote, in our form. */
export function decodeStored(cache: ResourceCache, kv: KeyValue): StoredContent {
  const value = Buffer.isBuffer(kv.value)
    ? kv.value
    : Buffer.from(kv.value.buffer, kv.value.byteOffset, kv.value.byteLength);
  if (isEncodedAs(cache.form, value)) {
    return { object: JSON.parse(value.toString()) as KubeObject, value };
  }
  const foreign = decodeForeign(cache, value);
  const { keepsVersions, adopt } = cache.options;
  if (!keepsVersions) return encodeObject(cache.form, adopt?.(foreign) ?? foreign);
  const form = objectForm(foreign.apiVersion, foreign.kind);
  if (isEncodedAs(form, value)) return { object: foreign, value, form };
  return { ...encodeObject(form, foreign), form };
}

/** Versions that only upstream stores have the wire form of the one that is served. */
function decodeForeign(cache: ResourceCache, value: Buffer): Draft<KubeObject> {
  if (!protobufMagic.equals(value.subarray(0, protobufMagic.length))) {
    return JSON.parse(value.toString()) as Draft<KubeObject>;
  }
  const { messageType } = cache.options;
  if (!messageType) throw new Error(`There is no protobuf form of what ${cache.prefix} holds`);
  return decodeMessage(messageType, openEnvelope(value).raw);
}
