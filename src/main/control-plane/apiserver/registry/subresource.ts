import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { decodeBody } from '#main/control-plane/apiserver/registry/decode-body.ts';
import { draftMaker } from '#main/control-plane/apiserver/registry/patch.ts';
import {
  checkIdentity,
  updateObject,
  type MakeDraft,
  type UpdateStrategy,
} from '#main/control-plane/apiserver/registry/update.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import { parseWriteOptions } from '#main/control-plane/apiserver/request/write-options.ts';
import { patchTypes } from '#shared/client/transport.ts';

/** PUT and PATCH of a subresource that is the object itself, changed by other rules. */
export async function writeThrough(
  request: ResourceRequest,
  core: Core,
  strategy: UpdateStrategy,
): Promise<ResourceResponse> {
  const isPatch = request.verb === 'patch';
  const isApply = request.patchType === patchTypes.apply;
  const kind = isPatch ? 'PatchOptions' : 'UpdateOptions';
  const options = parseWriteOptions(kind, request.query, { isApply });
  const replace: MakeDraft = () => {
    const draft = decodeBody(request, options);
    checkIdentity(draft.metadata, request);
    return draft;
  };
  const make = isPatch ? draftMaker(request, core, options) : replace;
  const context = { request, core, options, strategy, canCreate: false, isApply };
  const { entry } = await updateObject(context, make);
  return { type: 'entry', code: 200, entry };
}
