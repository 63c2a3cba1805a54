import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Revert } from '#main/control-plane/apiserver/admission-chain.ts';
import {
  createObject,
  takeBack,
  type CreateContext,
} from '#main/control-plane/apiserver/registry/create.ts';
import { decodeBody } from '#main/control-plane/apiserver/registry/decode-body.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import {
  dropRepeatedOwners,
  settleNamespace,
  timestamp,
  type OpenMetadata,
} from '#main/control-plane/apiserver/registry/metadata.ts';
import { isUnchanged } from '#main/control-plane/apiserver/registry/no-change.ts';
import {
  cacheOf,
  dryRunEntry,
  toStored,
} from '#main/control-plane/apiserver/registry/storage-of.ts';
import {
  checkStatusUpdate,
  checkUpdate,
  prepareForStatusUpdate,
  prepareForUpdate,
} from '#main/control-plane/apiserver/registry/validation.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import { parseWriteOptions } from '#main/control-plane/apiserver/request/write-options.ts';
import { prepareViews, type Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import { keyFor } from '#main/control-plane/apiserver/storage/object-store.ts';
import { ApiError, conflict, invalid, notFound } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

/** What an update through one door may change. */
export interface UpdateStrategy {
  /** `now` is as times are stored. */
  prepare(resource: Resource, draft: Draft<KubeObject>, old: KubeObject, now: string): void;
  check(resource: Resource, draft: KubeObject, old: KubeObject): void;
}

export const wholeObject: UpdateStrategy = { prepare: prepareForUpdate, check: checkUpdate };
export const statusOnly: UpdateStrategy = {
  prepare: prepareForStatusUpdate,
  check: checkStatusUpdate,
};

export interface UpdateContext extends CreateContext {
  readonly strategy: UpdateStrategy;
  /** What is not there is created. */
  readonly canCreate: boolean;
  /** The draft knows its owners already. */
  readonly isApply?: boolean;
}

export interface Updated {
  readonly entry: Entry;
  readonly isNew: boolean;
}

/** Makes the wished-for object out of the one that is there; called again after a lost race. */
export type MakeDraft = (live: KubeObject | undefined) => Draft<KubeObject>;

const wasModified =
  'the object has been modified; please apply your changes to the latest version and try again';

export async function update(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const options = parseWriteOptions('UpdateOptions', request.query);
  const isStatus = request.subresource === 'status';
  const make = (): Draft<KubeObject> => {
    const draft = decodeBody(request, options);
    checkIdentity(draft.metadata, request);
    return draft;
  };
  const { rest } = request.served;
  const { entry, isNew } = await updateObject(
    {
      request,
      core,
      options,
      strategy: isStatus ? statusOnly : wholeObject,
      canCreate: !isStatus && rest.allowsCreateOnUpdate === true,
    },
    make,
  );
  return { type: 'entry', code: isNew ? 201 : 200, entry };
}

/** Upstream's GuaranteedUpdate: read, change, write if nobody else did meanwhile; otherwise again. */
export async function updateObject(context: UpdateContext, make: MakeDraft): Promise<Updated> {
  const { request, canCreate } = context;
  const { served, namespace, name } = request;
  const cache = cacheOf(served);
  let current = cache.get(namespace, name);
  for (;;) {
    request.signal?.throwIfAborted();
    if (!current) {
      if (!canCreate) throw notFound(served.resource, name);
      const draft = make(undefined);
      delete (draft.metadata as OpenMetadata).resourceVersion;
      return { entry: await createObject(context, draft), isNew: true };
    }
    await prepareViews(served.form, [current]);
    const attempt = await tryUpdate(context, current, make(current.as(served.form).object));
    if (attempt.isWritten) {
      await prepareViews(served.form, [attempt.entry]);
      return { entry: attempt.entry.as(served.form), isNew: false };
    }
    current = attempt.current;
  }
}

type Attempt =
  | { readonly isWritten: true; readonly entry: Entry }
  | { readonly isWritten: false; readonly current: Entry | undefined };

async function tryUpdate(
  context: UpdateContext,
  current: Entry,
  draft: Draft<KubeObject>,
): Promise<Attempt> {
  const { request, core, options } = context;
  const { served, namespace, name, user } = request;
  const { resource } = served;
  const old = current.as(served.form).object;
  checkPreconditions(context, draft, old);
  settleNamespace(draft.metadata, resource, namespace);
  dropRepeatedOwners(draft.metadata, request.warn, { isAfterAdmission: false });
  if (!context.isApply) core.ownership.recordUpdate(context, draft, old);
  const admission: AdmissionRequest = {
    operation: 'UPDATE',
    resource,
    subresource: request.subresource,
    namespace: namespace || (resource.plural === 'namespaces' ? name : ''),
    name,
    user,
    dryRun: options.dryRun !== undefined,
    object: draft,
    oldObject: old,
    options,
    warn: request.warn,
  };
  await core.admission.admit(admission);
  dropRepeatedOwners(draft.metadata, request.warn, { isAfterAdmission: true });
  const finish = await served.rest.beginUpdate?.({ request, core }, draft, old);
  let revert: Revert | undefined;
  try {
    complete(context, draft, old);
    revert = await core.admission.validate(admission);
    const attempt = await write(context, current, draft);
    if (attempt.isWritten) await finish?.(options.dryRun === undefined);
    else await takeBack(finish, revert);
    return attempt;
  } catch (error) {
    await takeBack(finish, revert);
    throw error;
  }
}

/** Whoever sends a resourceVersion, or replaces by uid, means exactly that object. */
function checkPreconditions(
  { request }: UpdateContext,
  draft: Draft<KubeObject>,
  old: KubeObject,
): void {
  const { served, name } = request;
  const { resource } = served;
  const { resourceVersion, uid } = draft.metadata as OpenMetadata;
  // A patch that changes the uid is left to validation.
  if (request.patchType === undefined && uid && uid !== old.metadata.uid) {
    const key = keyFor(cacheOf(served), old.metadata.namespace, name);
    throw conflict(
      resource,
      name,
      `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  }
  if (!resourceVersion || resourceVersion === '0') {
    if (resource.allowsUnconditionalUpdate === false) {
      throw invalid({ group: resource.group, kind: resource.plural }, name, [
        invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
    }
    draft.metadata.resourceVersion = old.metadata.resourceVersion;
  } else if (resourceVersion !== old.metadata.resourceVersion) {
    throw conflict(resource, name, wasModified);
  }
}

/** Upstream's BeforeUpdate: what an update can never change, then the kind's own rules. */
function complete(
  { request, core, strategy }: UpdateContext,
  draft: Draft<KubeObject>,
  old: KubeObject,
): void {
  const { resource } = request.served;
  const before = old.metadata;
  if (before.generation === undefined) delete draft.metadata.generation;
  else draft.metadata.generation = before.generation;
  strategy.prepare(resource, draft, old, timestamp(core.clock));
  const metadata = draft.metadata as OpenMetadata;
  metadata.uid ||= before.uid;
  metadata.creationTimestamp = before.creationTimestamp;
  if (before.deletionTimestamp) metadata.deletionTimestamp = before.deletionTimestamp;
  if (before.deletionGracePeriodSeconds !== undefined) {
    metadata.deletionGracePeriodSeconds ??= before.deletionGracePeriodSeconds;
  }
  strategy.check(resource, draft, old);
  for (const sentence of resource.warnings?.(draft, old) ?? []) request.warn(sentence);
}

async function write(
  { request, core, options }: UpdateContext,
  current: Entry,
  draft: Draft<KubeObject>,
): Promise<Attempt> {
  const { served } = request;
  const cache = cacheOf(served);
  const old = current.as(served.form).object;
  if (endsWith(draft, old) && (served.rest.endsWith?.(draft) ?? true)) {
    if (!options.dryRun) {
      const result = await core.objects.delete(cache, current);
      if (!result.isWritten) return result;
      await served.rest.afterDelete?.(core, old);
    }
    return { isWritten: true, entry: dryRunEntry(served, draft, current.revision) };
  }
  if (isUnchanged(draft, old)) return { isWritten: true, entry: current };
  if (options.dryRun) {
    return { isWritten: true, entry: dryRunEntry(served, draft, current.revision) };
  }
  return core.objects.update(cache, current, await toStored(served, draft));
}

/** The last finalizer goes from an object that is being deleted: the object goes with it. */
function endsWith(draft: Draft<KubeObject>, { metadata: old }: KubeObject): boolean {
  if ((draft.metadata.finalizers?.length ?? 0) > 0 || !old.deletionTimestamp) return false;
  return !old.deletionGracePeriodSeconds;
}

/** The object says who it is, and says the same as the URL. */
export function checkIdentity(
  metadata: OpenMetadata,
  { name, namespace, served }: Pick<ResourceRequest, 'name' | 'namespace' | 'served'>,
): void {
  if (!metadata.name) {
    throw new ApiError(
      'BadRequest',
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  }
  if (metadata.name !== name) {
    throw new ApiError(
      'BadRequest',
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  const isNamespaced = served.resource.scope === 'Namespaced';
  if (isNamespaced && metadata.namespace && metadata.namespace !== namespace) {
    throw new ApiError(
      'BadRequest',
      `the namespace of the object (${metadata.namespace}) does not match the namespace on the request (${namespace})`,
    );
  }
}
