import type { RequestBody } from '#main/control-plane/apiserver/request/resource-request.ts';
import { cannotHandle, kindFault, readBody, type BodyFormat } from '#shared/api/codec/body.ts';
import { DecodeError } from '#shared/api/codec/decode.ts';
import { parseUntypedJson, textOf } from '#shared/api/codec/json.ts';
import { parseYaml } from '#shared/api/codec/yaml.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type {
  DecodedObject,
  ObjectCodec,
} from '#main/control-plane/apiserver/registry/object-codec.ts';

/** A body as it came over the wire; decoded anew for whoever asks. */
export function httpBody(bytes: Buffer, format: BodyFormat): RequestBody {
  return {
    isEmpty: bytes.length === 0,
    object: (codec, options) => decode(bytes, format, { codec, ...options }),
    value: () => plainValue(bytes, format),
    text: () => textOf(bytes),
  };
}

interface Wanted {
  readonly codec: ObjectCodec;
  readonly isStrict: boolean;
}

function decode(bytes: Buffer, format: BodyFormat, { codec, isStrict }: Wanted): DecodedObject {
  const body = readBody(bytes, format, codec);
  const isVersion = codec.acceptsAnyVersion || body.apiVersion === codec.apiVersion;
  if (body.kind !== codec.kind || !isVersion) throw wrongKind(body, codec);
  try {
    if (body.message) {
      if (!codec.decodeMessage) throw new DecodeError('there is no protobuf form of this kind');
      return { object: codec.decodeMessage(body.message), strictErrors: [] };
    }
    const source = body.source && { source: body.source };
    const decoded = codec.decode({ value: body.value, ...source }, { isStrict });
    if (!isStrict || body.strictErrors.length === 0) return decoded;
    return { ...decoded, strictErrors: [...body.strictErrors, ...decoded.strictErrors] };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw cannotHandle(body, codec.kind, error.message);
  }
}

function wrongKind(
  given: { readonly apiVersion: string; readonly kind: string },
  codec: ObjectCodec,
): ApiError {
  if (given.kind === codec.kind) {
    return new ApiError(
      'BadRequest',
      `the API version in the data (${given.apiVersion}) does not match the expected API version (${codec.apiVersion})`,
    );
  }
  return cannotHandle(given, codec.kind, kindFault(given, codec));
}

/** Throws what upstream says of a patch that cannot be read. */
function plainValue(bytes: Buffer, format: BodyFormat): ReturnType<RequestBody['value']> {
  const text = textOf(bytes);
  try {
    if (format === 'yaml') return parseYaml(text);
    return { value: parseUntypedJson(text).value, strictErrors: [] };
  } catch (error) {
    const message = `error decoding patch: ${(error as Error).message}`;
    throw new ApiError('BadRequest', message, { cause: error });
  }
}
