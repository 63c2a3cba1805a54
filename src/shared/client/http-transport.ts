import type {
  ApiRequest,
  RequestOptions,
  Transport,
  WatchEvent,
} from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Status } from '#shared/kube/types/meta-v1.ts';

/** What the server should answer with, where it is not the plain object. */
export type Representation = 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly code: number;
  readonly contentType: string;
  /** Text in pieces, as it arrives; leaving the loop early ends the request. */
  readonly body: AsyncIterable<string>;
}

/**
 * One request to one API server as one identity, by whatever the platform has for it. An aborted
 * signal rejects with its reason, an unreachable server with an `ApiError` ServiceUnavailable.
 */
export type HttpExchange = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpTransport extends Transport {
  request(
    request: ApiRequest,
    options?: RequestOptions & { readonly as?: Representation },
  ): Promise<unknown>;
  watch(
    request: Omit<ApiRequest, 'verb' | 'body' | 'patchType'>,
    options?: RequestOptions & { readonly as?: Representation },
  ): AsyncIterable<readonly WatchEvent[]>;
  /** GET of any path; JSON is parsed, everything else comes as text. */
  get(path: string, options?: RequestOptions & { readonly accept?: string }): Promise<unknown>;
  /** POST of JSON to a path that is no resource; answers with JSON. */
  post(path: string, body: unknown, options?: RequestOptions): Promise<unknown>;
}

/** A way to any API server over HTTP, with JSON on the wire. */
export function createHttpTransport(exchange: HttpExchange): HttpTransport {
  const send = async (request: HttpRequest): Promise<HttpResponse> => {
    const response = await exchange(request);
    if (response.code >= 400) throw errorOf(response.code, await text(response.body));
    return response;
  };
  return {
    async request(request, { as, signal } = {}) {
      const { verb, body, patchType = 'application/json' } = request;
      const response = await send({
        method: methods[verb],
        path: pathOf(request),
        headers: { accept: acceptOf(as), ...(body !== undefined && { 'content-type': patchType }) },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
      });
      return JSON.parse(await text(response.body)) as unknown;
    },
    async *watch(request, { as, signal } = {}) {
      const path = pathOf({ ...request, verb: 'list', query: { ...request.query, watch: 'true' } });
      const headers = { accept: acceptOf(as) };
      const { body } = await send({ method: 'GET', path, headers, signal });
      yield* batches(body);
    },
    async get(path, { signal, accept = '*/*' } = {}) {
      const { contentType, body } = await send({
        method: 'GET',
        path,
        headers: { accept },
        signal,
      });
      const answer = await text(body);
      return contentType.includes('json') ? (JSON.parse(answer) as unknown) : answer;
    },
    async post(path, body, { signal } = {}) {
      const headers = { accept: 'application/json', 'content-type': 'application/json' };
      const response = await send({
        method: 'POST',
        path,
        headers,
        body: JSON.stringify(body),
        signal,
      });
      return JSON.parse(await text(response.body)) as unknown;
    },
  };
}

const methods = {
  get: 'GET',
  list: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
} as const;

/** The URL's path and query of a request about a resource. */
function pathOf(request: ApiRequest): string {
  const { resource, namespace, name, subresource, verb, query = {} } = request;
  const parts = [
    resource.group ? `/apis/${resource.group}` : '/api',
    resource.version,
    ...(namespace && resource.plural !== 'namespaces' ? ['namespaces', namespace] : []),
    resource.plural,
    ...(name && (verb !== 'create' || subresource) ? [name] : []),
    ...(subresource ? [subresource] : []),
  ];
  const search = new URLSearchParams(query).toString();
  return parts.join('/') + (search && `?${search}`);
}

function acceptOf(as: Representation | undefined): string {
  return as ? `application/json;as=${as};v=v1;g=meta.k8s.io` : 'application/json';
}

async function text(body: AsyncIterable<string>): Promise<string> {
  let whole = '';
  for await (const piece of body) whole += piece;
  return whole;
}

/** Whole lines as they arrive: one batch per piece that completes any. */
async function* batches(body: AsyncIterable<string>): AsyncGenerator<readonly WatchEvent[]> {
  let rest = '';
  for await (const piece of body) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines.filter(Boolean).map((line) => JSON.parse(line) as WatchEvent);
  }
}

function errorOf(code: number, body: string): ApiError {
  try {
    const status = JSON.parse(body) as Status;
    if (status.kind === 'Status') return ApiError.fromStatus(status);
  } catch {
    // Not from an API server but from something on the way: its own words are all there is.
  }
  return new ApiError('Unknown', `The server answered ${code}: ${body.slice(0, 200)}`, { code });
}
