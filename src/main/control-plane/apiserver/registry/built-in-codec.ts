import type { ObjectCodec } from '#main/control-plane/apiserver/registry/object-codec.ts';
import { decodeObject } from '#shared/api/codec/decode.ts';
import { decodeMessage, encodeMessage } from '#shared/api/codec/protobuf.ts';
import { schemaOf } from '#shared/api/schema/schema.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';

export interface CodecOptions {
  /** The schema's name, such as `core.v1.Pod`. */
  readonly type: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly acceptsAnyVersion?: boolean;
  default?(draft: Draft<KubeObject>): void;
}

/** The codec of a type whose shape is part of the product. */
export function codecOf(options: CodecOptions): ObjectCodec {
  const { type, apiVersion, kind, acceptsAnyVersion = false } = options;
  return {
    kind,
    acceptsAnyVersion,
    apiVersion,
    hasStrategicPatch: true,
    get schema() {
      return schemaOf(type);
    },
    decode: ({ value, source }, { isStrict }) =>
      decodeObject(type, value, { isStrict, ...(source && { source }) }),
    decodeMessage: (message) => decodeMessage(type, message),
    encodeMessage: (object) => encodeMessage(type, object),
    default: (draft) => options.default?.(draft),
  };
}

export function builtInCodec(resource: Resource): ObjectCodec {
  const { type, kind } = resource;
  return codecOf({
    type,
    kind,
    apiVersion: groupVersionOf(resource),
    default: (draft) => resource.default?.(draft),
  });
}
