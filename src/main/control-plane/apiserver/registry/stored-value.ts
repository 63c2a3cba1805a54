import { encodeObject, isEncodedAs } from '#main/control-plane/apiserver/storage/entry.ts';
import type { ResourceCache } from '#main/control-plane/apiserver/storage/resource-cache.ts';
import type { KeyValue } from '#main/control-plane/etcd/store.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** Reads a value of the store: our own JSON as it is, anything else in our form. */
export function decodeStored(
  cache: ResourceCache,
  kv: KeyValue,
): { readonly object: KubeObject; readonly value: Buffer } {
  const value = Buffer.isBuffer(kv.value)
    ? kv.value
    : Buffer.from(kv.value.buffer, kv.value.byteOffset, kv.value.byteLength);
  const object = JSON.parse(value.toString()) as KubeObject;
  return isEncodedAs(cache.form, value) ? { object, value } : encodeObject(cache.form, object);
}
