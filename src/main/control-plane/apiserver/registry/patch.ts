import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { strictDecodingError } from '#main/control-plane/apiserver/registry/decode-body.ts';
import type { OpenMetadata } from '#main/control-plane/apiserver/registry/metadata.ts';
import {
  checkIdentity,
  statusOnly,
  updateObject,
  wholeObject,
  type MakeDraft,
} from '#main/control-plane/apiserver/registry/update.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import {
  parseWriteOptions,
  type WriteOptions,
} from '#main/control-plane/apiserver/request/write-options.ts';
import { DecodeError } from '#shared/api/codec/decode.ts';
import { patchTypes } from '#shared/client/transport.ts';
import { ApiError, conflict, invalid } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import { applyJsonPatch, jsonPatchStrictErrors } from '#shared/kube/patch/json-patch.ts';
import { applyMergePatch } from '#shared/kube/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '#shared/kube/patch/strategic-merge-patch.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export async function patch(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const isApply = request.patchType === patchTypes.apply;
  const options = parseWriteOptions('PatchOptions', request.query, { isApply });
  const isStatus = request.subresource === 'status';
  const { entry, isNew } = await updateObject(
    {
      request,
      core,
      options,
      strategy: isStatus ? statusOnly : wholeObject,
      canCreate: isApply && !isStatus,
      isApply,
    },
    draftMaker(request, core, options),
  );
  return { type: 'entry', code: isNew ? 201 : 200, entry };
}

/** What the patch makes of the object that is there, decoded and with defaults. */
export function draftMaker(request: ResourceRequest, core: Core, options: WriteOptions): MakeDraft {
  if (request.patchType === patchTypes.apply) return applied(request, core, options);
  const value = request.body?.value().value;
  return (live) => {
    if (!live) throw new Error('Only an apply patch creates what is not there');
    const patched = patchedValue(request, live, value);
    const draft = decodePatched(request, options, { patched, value });
    checkIdentity(draft.metadata, request);
    return draft;
  };
}

function applied(request: ResourceRequest, core: Core, options: WriteOptions): MakeDraft {
  const { served, body, warn, name } = request;
  const { fieldValidation = 'Warn' } = options;
  const strictErrors = body?.value().strictErrors ?? [];
  return (live) => {
    const draft = core.ownership.apply({ request, options }, live);
    if (strictErrors.length > 0 && fieldValidation === 'Strict') {
      throw new ApiError('BadRequest', `error strict decoding patch: ${strictErrors.join(', ')}`);
    }
    if (fieldValidation === 'Warn') for (const each of strictErrors) warn(each);
    const { uid } = draft.metadata as OpenMetadata;
    if (uid && !live) {
      throw conflict(
        served.resource,
        name,
        `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
      );
    }
    checkIdentity(draft.metadata, request);
    served.codec.default(draft);
    return draft;
  };
}

function patchedValue(request: ResourceRequest, live: KubeObject, value: unknown): unknown {
  const { served, patchType } = request;
  const document = live as unknown as JsonObject;
  if (patchType === patchTypes.json) return applyJsonPatch(document, value);
  if (patchType === patchTypes.merge) return applyMergePatch(document, value);
  const { schema, hasStrategicPatch } = served.codec;
  if (patchType === patchTypes.strategic && schema && hasStrategicPatch) {
    return applyStrategicMergePatch(schema, document, value);
  }
  throw unsupportedPatch([patchTypes.json, patchTypes.merge, patchTypes.apply]);
}

export function unsupportedPatch(accepted: readonly string[]): ApiError {
  return new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

function decodePatched(
  { served, body, warn, patchType, name }: ResourceRequest,
  { fieldValidation = 'Warn' }: WriteOptions,
  { patched, value }: { readonly patched: unknown; readonly value: unknown },
): Draft<KubeObject> {
  const isStrict = fieldValidation !== 'Ignore';
  const isJsonPatch = patchType === patchTypes.json && Array.isArray(value);
  try {
    const { object, strictErrors } = served.codec.decode({ value: patched }, { isStrict });
    const errors = [
      ...(isJsonPatch && isStrict ? jsonPatchStrictErrors(value) : []),
      ...strictErrors,
    ];
    if (errors.length > 0 && fieldValidation === 'Strict') {
      throw invalid(served.resource, name, [
        invalidValue('patch', body?.text() ?? '', strictDecodingError(errors)),
      ]);
    }
    for (const each of errors) warn(each);
    served.codec.default(object);
    return object;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw invalid({ group: '', kind: '' }, '', [
      invalidValue('patch', JSON.stringify(patched), error.message),
    ]);
  }
}

/** For patches of subresources whose object is not the stored one. */
export function patchedObject(request: ResourceRequest, live: KubeObject): unknown {
  return patchedValue(request, live, request.body?.value().value);
}
