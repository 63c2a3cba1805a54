import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { timestamp } from '#main/control-plane/apiserver/registry/metadata.ts';
import {
  cacheOf,
  dryRunEntry,
  toStored,
} from '#main/control-plane/apiserver/registry/storage-of.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import { parseDeleteOptions } from '#main/control-plane/apiserver/request/write-options.ts';
import { prepareViews, type Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import { parseListOptions } from '#main/control-plane/apiserver/storage/list-options.ts';
import { conflict, notFound } from '#shared/kube/errors.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { DeleteOptions } from '#shared/kube/types/meta-v1.ts';
import { selectionOf } from '#main/control-plane/apiserver/registry/read.ts';

export interface DeleteContext {
  readonly request: ResourceRequest;
  readonly core: Core;
  readonly options: DeleteOptions;
}

export interface Deleted {
  readonly entry: Entry;
  /** False while finalizers or a grace period keep it. */
  readonly isGone: boolean;
}

const orphan = 'orphan';
const foreground = 'foregroundDeletion';

export async function deleteOne(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const options = parseDeleteOptions(request);
  const { entry, isGone } = await deleteObject({ request, core, options }, request);
  const { resource, form } = request.served;
  await prepareViews(form, [entry]);
  if (!isGone || resource.lifecycle?.deleteReturnsObject) {
    const code = !isGone && options.orphanDependents === false ? 202 : 200;
    return { type: 'entry', code, entry: entry.as(form) };
  }
  const { group, plural } = resource;
  const { name, uid } = entry.object.metadata;
  return {
    type: 'object',
    code: 200,
    object: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name, ...(group && { group }), kind: plural, uid },
    },
  };
}

export async function deleteCollection(
  request: ResourceRequest,
  core: Core,
): Promise<ResourceResponse> {
  const options = parseDeleteOptions(request);
  const listOptions = parseListOptions(request.query, false);
  const selection = selectionOf(request, listOptions);
  const page = await core.lister.list(cacheOf(request.served), selection, listOptions);
  for (const entry of page.entries) {
    const { namespace, name } = entry;
    try {
      await deleteObject({ request, core, options }, { namespace, name });
    } catch (error) {
      if (!isGoneAlready(error)) throw error;
    }
  }
  return { type: 'list', page };
}

function isGoneAlready(error: unknown): boolean {
  return (error as { reason?: string }).reason === 'NotFound';
}

type Step =
  | { readonly type: 'deleteNow' }
  | { readonly type: 'pending' }
  | { readonly type: 'update'; readonly draft: Draft<KubeObject>; readonly deletesAfter: boolean };

/** Deletes, or marks as being deleted what finalizers or a grace period still hold. */
export async function deleteObject(
  context: DeleteContext,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<Deleted> {
  const { request, core, options } = context;
  const { served, signal } = request;
  const cache = cacheOf(served);
  let { preconditions } = options;
  let current = cache.get(namespace, name);
  /** As we marked it, about to be deleted at once. */
  let ours: Entry | undefined;
  for (;;) {
    signal?.throwIfAborted();
    // Somebody else (a kubelet) may end what we have just marked: it is deleted all the same.
    if (!current && ours) return { entry: ours, isGone: true };
    if (!current) throw notFound(served.resource, name);
    checkPreconditions(context, current, preconditions);
    await prepareViews(served.form, [current]);
    const revert = await core.admission.validate(await admitted(context, current));
    try {
      const step = nextStep(context, current.as(served.form).object);
      if (step.type === 'pending') return { entry: current, isGone: false };
      if (step.type === 'deleteNow') {
        const gone = await end(context, current);
        if (gone.isWritten) return { entry: gone.entry, isGone: true };
        current = gone.current;
      } else {
        const marked = await mark(context, current, step.draft);
        if (marked.isWritten && !step.deletesAfter) return { entry: marked.entry, isGone: false };
        if (marked.isWritten) {
          preconditions = undefined;
          ours = marked.entry;
        }
        current = marked.isWritten ? marked.entry : marked.current;
        if (marked.isWritten && options.dryRun) return { entry: marked.entry, isGone: true };
      }
    } catch (error) {
      await revert?.();
      throw error;
    }
    await revert?.();
  }
}

async function admitted(
  { request, core, options }: DeleteContext,
  current: Entry,
): Promise<AdmissionRequest> {
  const { served, user, warn } = request;
  const admission: AdmissionRequest = {
    operation: 'DELETE',
    resource: served.resource,
    subresource: request.subresource,
    namespace: current.namespace || (served.resource.plural === 'namespaces' ? current.name : ''),
    name: current.name,
    user,
    dryRun: (options.dryRun?.length ?? 0) > 0,
    object: undefined,
    oldObject: current.as(served.form).object,
    options,
    warn,
  };
  await core.admission.admit(admission);
  return admission;
}

export function checkPreconditions(
  { request }: DeleteContext,
  current: Entry,
  preconditions: DeleteOptions['preconditions'],
): void {
  const { group, kind } = request.served.resource;
  const resource = { group, plural: kind };
  const { uid, resourceVersion, name } = current.object.metadata;
  if (preconditions?.uid && preconditions.uid !== uid) {
    throw conflict(
      resource,
      name,
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    throw conflict(
      resource,
      name,
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}

/** What a DELETE does to this object: upstream's BeforeDelete and the finalizers of the collector. */
function nextStep(context: DeleteContext, object: KubeObject): Step {
  const { request, core, options } = context;
  const { rest } = request.served;
  const graceful = gracefully(context, object);
  if (graceful === 'pending') return { type: 'pending' };
  const finalizers = rest.ignoresPropagation
    ? [...(object.metadata.finalizers ?? [])]
    : finalizersFor(object, options, request.served.resource.lifecycle?.orphansByDefault === true);
  if (!graceful && finalizers.length === 0) return { type: 'deleteNow' };
  const draft: Draft<KubeObject> = {
    ...object,
    metadata: { ...(object.metadata as Draft<KubeObject['metadata']>), finalizers },
  };
  if (finalizers.length === 0) delete draft.metadata.finalizers;
  if (graceful) Object.assign(draft.metadata, graceful);
  else markAsDeleting(draft, core);
  const isOver = (draft.metadata.deletionGracePeriodSeconds ?? 0) === 0;
  return { type: 'update', draft, deletesAfter: isOver && finalizers.length === 0 };
}

type Grace = Pick<
  Draft<KubeObject['metadata']>,
  'deletionTimestamp' | 'deletionGracePeriodSeconds' | 'generation'
>;

/** New deletion fields for kinds that end gracefully; nothing for those that do not, or that are due. */
function gracefully(
  { request, core, options }: DeleteContext,
  object: KubeObject,
): Partial<Grace> | 'pending' | undefined {
  const { rest } = request.served;
  if (!rest.gracePeriodSeconds) return undefined;
  const { deletionTimestamp, deletionGracePeriodSeconds: left, generation } = object.metadata;
  if (!deletionTimestamp) {
    const seconds = Math.trunc(rest.gracePeriodSeconds(object, options));
    return {
      deletionTimestamp: inSeconds(core, seconds),
      deletionGracePeriodSeconds: seconds,
      ...(generation && { generation: generation + 1 }),
    };
  }
  if (!left) return undefined;
  if (options.gracePeriodSeconds === undefined) return 'pending';
  const wanted = options.gracePeriodSeconds < 0 ? 1 : options.gracePeriodSeconds;
  if (wanted >= left) return 'pending';
  const asked = Date.parse(deletionTimestamp) - left * 1000 + wanted * 1000;
  const isPast = asked < core.clock.now();
  return {
    deletionTimestamp: isPast ? timestamp(core.clock) : rfc3339(asked),
    deletionGracePeriodSeconds: isPast && wanted !== 0 ? 1 : wanted,
  };
}

function inSeconds({ clock }: Core, seconds: number): string {
  return rfc3339(clock.now() + seconds * 1000);
}

function rfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function markAsDeleting(draft: Draft<KubeObject>, { clock }: Core): void {
  const { metadata } = draft;
  if (!metadata.deletionTimestamp && metadata.generation) metadata.generation++;
  const now = timestamp(clock);
  if (!metadata.deletionTimestamp || metadata.deletionTimestamp > now) {
    metadata.deletionTimestamp = now;
  }
  metadata.deletionGracePeriodSeconds = 0;
}

/** The collector's two finalizers follow the options; what the options leave open stays as it is. */
function finalizersFor(
  { metadata }: KubeObject,
  { orphanDependents, propagationPolicy }: DeleteOptions,
  orphansByDefault: boolean,
): string[] {
  const finalizers = metadata.finalizers ?? [];
  const rest = finalizers.filter((each) => each !== orphan && each !== foreground);
  if (orphanDependents !== undefined) return orphanDependents ? [...rest, orphan] : rest;
  if (propagationPolicy === 'Orphan') return [...rest, orphan];
  if (propagationPolicy === 'Foreground') return [...rest, foreground];
  if (propagationPolicy === 'Background') return rest;
  const own = finalizers.find((each) => each === orphan || each === foreground);
  if (own) return [...rest, own];
  return orphansByDefault ? [...rest, orphan] : rest;
}

async function mark(
  { request, core, options }: DeleteContext,
  current: Entry,
  draft: Draft<KubeObject>,
): ReturnType<Core['objects']['update']> {
  const { served } = request;
  if (options.dryRun?.length) {
    return { isWritten: true, entry: dryRunEntry(served, draft, current.revision) };
  }
  return core.objects.update(cacheOf(served), current, await toStored(served, draft));
}

async function end(
  { request, core, options }: DeleteContext,
  current: Entry,
): ReturnType<Core['objects']['delete']> {
  const { served } = request;
  if (options.dryRun?.length) return { isWritten: true, entry: current };
  const result = await core.objects.delete(cacheOf(served), current);
  if (result.isWritten) await served.rest.afterDelete?.(core, current.as(served.form).object);
  return result;
}
