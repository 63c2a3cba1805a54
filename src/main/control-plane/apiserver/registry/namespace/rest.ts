import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import { checkPreconditions, deleteObject } from '#main/control-plane/apiserver/registry/delete.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { timestamp } from '#main/control-plane/apiserver/registry/metadata.ts';
import { decodeBody } from '#main/control-plane/apiserver/registry/decode-body.ts';
import { cacheOf, dryRunEntry } from '#main/control-plane/apiserver/registry/storage-of.ts';
import {
  checkIdentity,
  updateObject,
  type UpdateStrategy,
} from '#main/control-plane/apiserver/registry/update.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import {
  parseDeleteOptions,
  parseWriteOptions,
} from '#main/control-plane/apiserver/request/write-options.ts';
import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import type { Namespace } from '#shared/api/types/core-v1.ts';
import { notFound } from '#shared/kube/errors.ts';
import type { DeleteOptions } from '#shared/kube/types/meta-v1.ts';
import type { Draft } from '#shared/kube/object.ts';

/** The namespace goes when its content has gone: when `spec.finalizers` is empty. */
export const namespaceRest: KindRest = {
  endsWith: (object) => ((object as Namespace).spec?.finalizers?.length ?? 0) === 0,
  handlers: { delete: deleteNamespace, 'update/finalize': finalize },
};

async function deleteNamespace(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const { served, name } = request;
  const cache = cacheOf(served);
  const options = parseDeleteOptions(request);
  const isDryRun = (options.dryRun?.length ?? 0) > 0;
  let current: Entry | undefined = cache.get('', name);
  for (;;) {
    if (!current) throw notFound(served.resource, name);
    const namespace = current.object as Namespace;
    if (namespace.metadata.deletionTimestamp) break;
    const admission = admissionOf(request, namespace, options);
    await core.admission.admit(admission);
    await core.admission.validate(admission);
    checkPreconditions({ request, core, options }, current, options.preconditions);
    const draft = terminating(namespace, core);
    if (isDryRun) {
      return { type: 'entry', code: 200, entry: dryRunEntry(served, draft, current.revision) };
    }
    const result = await core.objects.update(cache, current, draft);
    if (result.isWritten) return { type: 'entry', code: 200, entry: result.entry };
    current = result.current;
  }
  const { spec } = current.object as Namespace;
  if (spec?.finalizers?.length) return { type: 'entry', code: 200, entry: current };
  const { entry } = await deleteObject({ request, core, options }, { namespace: '', name });
  return { type: 'entry', code: 200, entry };
}

function admissionOf(
  { served, user, name, warn }: ResourceRequest,
  oldObject: Namespace,
  options: DeleteOptions,
): AdmissionRequest {
  return {
    operation: 'DELETE',
    resource: served.resource,
    subresource: '',
    namespace: name,
    name,
    user,
    dryRun: (options.dryRun?.length ?? 0) > 0,
    object: undefined,
    oldObject,
    options,
    warn,
  };
}

function terminating(namespace: Namespace, { clock }: Core): Draft<Namespace> {
  const draft = namespace as Draft<Namespace>;
  const finalizers = draft.metadata.finalizers?.filter((each) => each !== 'orphan');
  const { finalizers: _finalizers, ...metadata } = draft.metadata;
  return {
    ...draft,
    metadata: {
      ...metadata,
      deletionTimestamp: timestamp(clock),
      ...(finalizers?.length && { finalizers }),
    },
    status: { ...draft.status, phase: 'Terminating' },
  };
}

const finalizersOnly: UpdateStrategy = {
  prepare(_resource, draft, old) {
    (draft as Draft<Namespace>).status = (old as Draft<Namespace>).status ?? {};
  },
  check() {},
};

async function finalize(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const options = parseWriteOptions('UpdateOptions', request.query);
  const context = { request, core, options, strategy: finalizersOnly, canCreate: false };
  const { entry } = await updateObject(context, () => {
    const draft = decodeBody(request, options);
    checkIdentity(draft.metadata, request);
    return draft;
  });
  return { type: 'entry', code: 200, entry };
}
