import {
  type ApiRequest,
  type PatchType,
  type RequestOptions,
  type Transport,
  type WatchEvent,
} from '#shared/client/transport.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';
import type { KubeList, KubeObject, New, ObjectKey } from '#shared/kube/object.ts';
import type { DeleteOptions } from '#shared/kube/types/meta-v1.ts';

export interface ListOptions extends RequestOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan';
  readonly limit?: number;
  readonly continue?: string;
}

export interface WatchOptions extends ListOptions {
  readonly timeoutSeconds?: number;
  readonly allowBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
}

export interface WriteOptions extends RequestOptions {
  readonly subresource?: string;
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
}

export interface PatchOptions extends WriteOptions {
  /** Apply only: take over what others own. */
  readonly force?: boolean;
}

export interface DeleteCallOptions extends RequestOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** Every verb on every kind, typed by the resource that is asked for. Failures are `ApiError`s. */
export interface Cluster {
  get<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options?: RequestOptions,
  ): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<KubeList<T>>;
  watch<T extends KubeObject>(
    resource: Resource<T>,
    options?: WatchOptions,
  ): AsyncIterable<readonly WatchEvent<T>[]>;
  /** Goes to the namespace in the object's metadata. */
  create<T extends KubeObject>(
    resource: Resource<T>,
    object: New<T>,
    options?: WriteOptions,
  ): Promise<T>;
  /** Replaces the object (or one subresource of it) if it still has the given resourceVersion. */
  update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options?: WriteOptions,
  ): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: { readonly type: PatchType; readonly body: unknown },
    options?: PatchOptions,
  ): Promise<T>;
  /** Resolves to what the server answered: the object while it is still there, else a Status. */
  delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options?: DeleteCallOptions,
  ): Promise<unknown>;
  /** Posts to a subresource with its own kind: binding, eviction, token. */
  post(
    resource: Resource,
    key: ObjectKey & { readonly subresource: string },
    body: unknown,
    options?: RequestOptions,
  ): Promise<unknown>;
  readonly transport: Transport;
}

export function createCluster(transport: Transport): Cluster {
  const send = (request: ApiRequest, options?: RequestOptions): Promise<unknown> =>
    transport.request(request, options?.signal && { signal: options.signal });

  return {
    transport,
    async get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options = {}) {
      return (await send({ verb: 'get', resource, ...key }, options)) as T;
    },
    async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}) {
      const { namespace } = options;
      const request = { verb: 'list', resource, namespace, query: listQuery(options) } as const;
      return (await send(request, options)) as KubeList<T>;
    },
    watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions = {}) {
      const request = { resource, namespace: options.namespace, query: watchQuery(options) };
      return transport.watch(
        request,
        options.signal && { signal: options.signal },
      ) as AsyncIterable<readonly WatchEvent<T>[]>;
    },
    async create<T extends KubeObject>(resource: Resource<T>, object: New<T>, options = {}) {
      const { namespace, name } = object.metadata;
      const body = { apiVersion: groupVersionOf(resource), kind: resource.kind, ...object };
      return (await send(
        { verb: 'create', resource, namespace, name, body, ...writeParts(options) },
        options,
      )) as T;
    },
    async update<T extends KubeObject>(resource: Resource<T>, object: T, options = {}) {
      const { namespace, name } = object.metadata;
      return (await send(
        { verb: 'update', resource, namespace, name, body: object, ...writeParts(options) },
        options,
      )) as T;
    },
    async patch<T extends KubeObject>(
      resource: Resource<T>,
      key: ObjectKey,
      { type, body }: { type: PatchType; body: unknown },
      options: PatchOptions = {},
    ) {
      return (await send(
        { verb: 'patch', resource, ...key, body, patchType: type, ...writeParts(options) },
        options,
      )) as T;
    },
    async delete<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options = {}) {
      const { signal, ...others } = options as DeleteCallOptions;
      const body: Partial<DeleteOptions> = { kind: 'DeleteOptions', apiVersion: 'v1', ...others };
      return await send({ verb: 'delete', resource, ...key, body }, signal && { signal });
    },
    async post(resource, key, body, options = {}) {
      return await send({ verb: 'create', resource, ...key, body }, options);
    },
  };
}

function writeParts(options: PatchOptions): Pick<ApiRequest, 'query' | 'subresource'> {
  const { subresource, dryRun, fieldManager, force } = options;
  return {
    ...(subresource && { subresource }),
    query: {
      ...(dryRun && { dryRun: 'All' }),
      ...(fieldManager && { fieldManager }),
      ...(force && { force: 'true' }),
    },
  };
}

function listQuery(options: ListOptions): Record<string, string> {
  const { labelSelector, fieldSelector, resourceVersion, resourceVersionMatch, limit } = options;
  return {
    ...(labelSelector && { labelSelector }),
    ...(fieldSelector && { fieldSelector }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(resourceVersionMatch && { resourceVersionMatch }),
    ...(limit && { limit: String(limit) }),
    ...(options.continue && { continue: options.continue }),
  };
}

function watchQuery(options: WatchOptions): Record<string, string> {
  const { timeoutSeconds, allowBookmarks, sendInitialEvents } = options;
  return {
    ...listQuery(options),
    watch: 'true',
    ...(timeoutSeconds && { timeoutSeconds: String(timeoutSeconds) }),
    ...(allowBookmarks && { allowWatchBookmarks: 'true' }),
    ...(sendInitialEvents && { sendInitialEvents: 'true' }),
  };
}
