import type { ObjectCodec } from '#main/control-plane/apiserver/registry/object-codec.ts';
import { decodeObject } from '#shared/api/codec/decode.ts';
import { schemaOf } from '#shared/api/schema/schema.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';

/** The codec of a kind whose shape is part of the product. */
export function builtInCodec(resource: Resource): ObjectCodec {
  return {
    kind: resource.kind,
    apiVersion: groupVersionOf(resource),
    get schema() {
      return schemaOf(resource.type);
    },
    decode: ({ value, source }, { isStrict }) =>
      decodeObject(resource.type, value, { isStrict, ...(source && { source }) }),
    default: (draft) => resource.default?.(draft),
  };
}
