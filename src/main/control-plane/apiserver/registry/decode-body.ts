import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';
import type { WriteOptions } from '#main/control-plane/apiserver/request/write-options.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

/** The request's object as a draft of the requested kind with its defaults. */
export function decodeBody(
  { served, body, warn }: Pick<ResourceRequest, 'served' | 'body' | 'warn'>,
  { fieldValidation = 'Warn' }: WriteOptions,
): Draft<KubeObject> {
  const { codec } = served;
  if (!body) throw unrecognized(codec.kind, 'EOF', '<empty>');
  const isStrict = fieldValidation !== 'Ignore';
  const { object, strictErrors } = body.object(codec, { isStrict });
  if (strictErrors.length > 0) {
    if (fieldValidation === 'Strict') throw notStrict(codec, strictErrors);
    for (const each of strictErrors) warn(each);
  }
  codec.default(object);
  return object;
}

/** `strict decoding error: unknown field "a", unknown field "b"` */
export function strictDecodingError(strictErrors: readonly string[]): string {
  return `strict decoding error: ${strictErrors.join(', ')}`;
}

function notStrict(
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  strictErrors: readonly string[],
): ApiError {
  return cannotHandle({ apiVersion, kind }, kind, strictDecodingError(strictErrors));
}

/** The body names its kind, but is not what was asked for. */
export function cannotHandle(
  given: { readonly apiVersion: string; readonly kind: string },
  expectedKind: string,
  why: string,
): ApiError {
  const version = given.apiVersion.split('/').at(-1)!;
  return new ApiError(
    'BadRequest',
    `${given.kind} in version "${version}" cannot be handled as a ${expectedKind}: ${why}`,
  );
}

/** The body does not even say what it is. */
export function unrecognized(expectedKind: string, why: string, summary: string): ApiError {
  return new ApiError(
    'BadRequest',
    `the object provided is unrecognized (must be of type ${expectedKind}): ${why} (${summary})`,
  );
}
