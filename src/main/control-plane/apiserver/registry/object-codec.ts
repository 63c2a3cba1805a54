import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { Schema } from '#shared/kube/schema.ts';

/** A parsed value, and the text it came from where duplicate keys are to be found. */
export interface DecodeSource {
  readonly value: unknown;
  readonly source?: { readonly text: string; readonly parsed: ParsedText };
}

export interface ParsedText {
  readonly value: unknown;
  readonly keys: number;
}

export interface DecodedObject {
  /** The caller's own. */
  readonly object: Draft<KubeObject>;
  /** What strict field validation would refuse; empty unless asked for. */
  readonly strictErrors: readonly string[];
}

/** How objects of one kind come out of requests and out of the store. */
export interface ObjectCodec {
  readonly kind: string;
  readonly apiVersion: string;
  /** Options are the same kind in every group. */
  readonly acceptsAnyVersion?: boolean;
  /** Absent for kinds without a known shape. */
  readonly schema: Schema | undefined;
  /** Strategic merge patches know the kind's merge keys. */
  readonly hasStrategicPatch: boolean;
  /** Throws `DecodeError` with Go's message when the value does not fit. */
  decode(source: DecodeSource, options: { readonly isStrict: boolean }): DecodedObject;
  /** The bare protobuf message; absent where the kind has no protobuf form. */
  decodeMessage?(message: Uint8Array): Draft<KubeObject>;
  encodeMessage?(object: KubeObject): Uint8Array;
  /** Fills in defaults, in place. */
  default(draft: Draft<KubeObject>): void;
}
