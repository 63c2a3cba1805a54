import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';
import type { WriteOptions } from '#main/control-plane/apiserver/request/write-options.ts';
import { cannotHandle } from '#shared/api/codec/body.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

/** The request's object as a draft of the requested kind with its defaults. */
export function decodeBody(
  { served, body, warn }: Pick<ResourceRequest, 'served' | 'body' | 'warn'>,
  { fieldValidation = 'Warn' }: WriteOptions,
): Draft<KubeObject> {
  const { codec } = served;
  if (!body) throw new ApiError('BadRequest', `the request carries no ${codec.kind}`);
  const isStrict = fieldValidation !== 'Ignore';
  const { object, strictErrors } = body.object(codec, { isStrict });
  if (strictErrors.length > 0) {
    if (fieldValidation === 'Strict')
      throw cannotHandle(codec, codec.kind, strictDecodingError(strictErrors));
    for (const each of strictErrors) warn(each);
  }
  codec.default(object);
  return object;
}

/** `strict decoding error: unknown field "a", unknown field "b"` */
export function strictDecodingError(strictErrors: readonly string[]): string {
  return `strict decoding error: ${strictErrors.join(', ')}`;
}
