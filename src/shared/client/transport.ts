import type { KubeObject } from '#shared/kube/object.ts';
import type { Status } from '#shared/kube/types/meta-v1.ts';

export type RequestVerb =
  | 'get'
  | 'list'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection';

export const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

export type PatchType = (typeof patchTypes)[keyof typeof patchTypes];

/** One request about a resource, as the API server's request info sees it. */
export interface ApiRequest {
  readonly verb: RequestVerb;
  readonly resource: { readonly group: string; readonly version: string; readonly plural: string };
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string;
  /** The URL's query, by upstream's names. */
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** With `patch` only. */
  readonly patchType?: PatchType;
}

export type WatchEvent<T extends KubeObject = KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: T }
  | { readonly type: 'ERROR'; readonly object: Status };

export interface RequestOptions {
  readonly signal?: AbortSignal;
}

export interface TableOptions extends RequestOptions {
  /** Lists and watches come as `meta.k8s.io/v1` Tables. */
  readonly as?: 'Table';
}

/**
 * A way to one API server as one identity: within the process (objects pass by reference), over
 * HTTP, or through a tunnel. Failures are `ApiError`s. Objects that come back are shared: read only.
 */
export interface Transport {
  request(request: ApiRequest, options?: RequestOptions): Promise<unknown>;
  /** Batches of events in order; ends when the server ends the watch. */
  watch(
    request: Omit<ApiRequest, 'verb' | 'body' | 'patchType'>,
    options?: RequestOptions,
  ): AsyncIterable<readonly WatchEvent[]>;
}

/** A way that answers with what kubectl prints, too. */
export interface TableTransport extends Transport {
  request(request: ApiRequest, options?: TableOptions): Promise<unknown>;
  watch(
    request: Omit<ApiRequest, 'verb' | 'body' | 'patchType'>,
    options?: TableOptions,
  ): AsyncIterable<readonly WatchEvent[]>;
}
