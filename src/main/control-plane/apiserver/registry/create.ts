import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Revert } from '#main/control-plane/apiserver/admission-chain.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import type { Finish } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import {
  dropRepeatedOwners,
  fillSystemFields,
  generateName,
  settleNamespace,
  timestamp,
  wipeSystemFields,
  type OpenMetadata,
} from '#main/control-plane/apiserver/registry/metadata.ts';
import { checkNew, prepareForCreate } from '#main/control-plane/apiserver/registry/validation.ts';
import { decodeBody } from '#main/control-plane/apiserver/registry/decode-body.ts';
import {
  cacheOf,
  dryRunEntry,
  toStored,
} from '#main/control-plane/apiserver/registry/storage-of.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import {
  parseWriteOptions,
  type WriteOptions,
} from '#main/control-plane/apiserver/request/write-options.ts';
import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import { alreadyExists, ApiError } from '#shared/kube/errors.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

/** One in a million names collides; upstream tries as often. */
const nameAttempts = 8;

export async function create(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const options = parseWriteOptions('CreateOptions', request.query);
  const draft = decodeBody(request, options);
  const entry = await createObject({ request, core, options }, draft);
  return { type: 'entry', code: 201, entry };
}

export interface CreateContext {
  readonly request: ResourceRequest;
  readonly core: Core;
  readonly options: WriteOptions;
  /** The draft knows its owners already. */
  readonly isApply?: boolean;
}

/** Takes the draft through admission and validation into the store; also for a PUT or apply of what is not there. */
export async function createObject(
  context: CreateContext,
  draft: Draft<KubeObject>,
): Promise<Entry> {
  const { request, core, options } = context;
  const { served, namespace, user } = request;
  const { resource } = served;
  const metadata = draft.metadata as OpenMetadata;
  wipeSystemFields(metadata);
  settleNamespace(metadata, resource, namespace);
  dropRepeatedOwners(metadata, request.warn, { isAfterAdmission: false });
  if (!context.isApply) core.ownership.recordUpdate(context, draft, undefined);
  const admission: AdmissionRequest = {
    operation: 'CREATE',
    resource,
    subresource: request.subresource,
    namespace: namespace || (resource.plural === 'namespaces' ? (metadata.name ?? '') : ''),
    name: metadata.name ?? '',
    user,
    dryRun: options.dryRun !== undefined,
    object: draft,
    oldObject: undefined,
    options,
    warn: request.warn,
  };
  await core.admission.admit(admission);
  dropRepeatedOwners(metadata, request.warn, { isAfterAdmission: true });
  if (metadata.name || !metadata.generateName) return store(context, draft, admission);
  for (let attempt = 1; ; attempt++) {
    try {
      return await store(context, draft, admission);
    } catch (error) {
      if (attempt === nameAttempts || !ApiError.is(error, 'AlreadyExists')) throw error;
      delete metadata.name;
    }
  }
}

async function store(
  context: CreateContext,
  draft: Draft<KubeObject>,
  admission: AdmissionRequest,
): Promise<Entry> {
  const { request, core } = context;
  const { served } = request;
  const metadata = draft.metadata as OpenMetadata;
  fillSystemFields(metadata, core.clock);
  if (metadata.generateName && !metadata.name) metadata.name = generateName(metadata.generateName);
  const finish = await served.rest.beginCreate?.({ request, core }, draft);
  let revert: Revert | undefined;
  try {
    prepareForCreate(served.resource, draft, timestamp(core.clock));
    checkNew(served.resource, draft);
    for (const sentence of served.resource.warnings?.(draft) ?? []) request.warn(sentence);
    revert = await core.admission.validate({ ...admission, object: draft, name: metadata.name! });
    const entry = await insert(context, draft);
    await finish?.(context.options.dryRun === undefined);
    return entry;
  } catch (error) {
    await takeBack(finish, revert);
    throw error;
  }
}

async function insert(context: CreateContext, draft: Draft<KubeObject>): Promise<Entry> {
  const { request, core, options } = context;
  const { served } = request;
  const { resource } = served;
  const cache = cacheOf(served);
  const { name, namespace = '', generateName: base } = draft.metadata;
  let current = cache.get(namespace, name);
  if (options.dryRun) {
    if (!current) return dryRunEntry(served, draft, 0);
  } else {
    // Upstream's storage says so, which a dry run does not reach.
    if ((draft.metadata as OpenMetadata).resourceVersion) {
      throw new ApiError('', 'resourceVersion should not be set on objects to be created');
    }
    const result = await core.objects.create(cache, await toStored(served, draft));
    if (result.isWritten) return result.entry;
    current = result.current;
  }
  const error = alreadyExists(resource, name);
  if (base) {
    const message = `${error.message}, the server was not able to generate a unique name for the object`;
    throw new ApiError('AlreadyExists', message, {
      details: { ...error.details, retryAfterSeconds: 1 },
    });
  }
  if (!current?.object.metadata.deletionTimestamp) throw error;
  throw new ApiError('AlreadyExists', `object is being deleted: ${error.message}`, {
    details: error.details,
  });
}

export async function takeBack(
  finish: Finish | undefined,
  revert: Revert | undefined,
): Promise<void> {
  await revert?.();
  await finish?.(false);
}
