import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type {
  ApiRequest,
  RequestOptions,
  Transport,
  WatchEvent,
} from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Status } from '#shared/kube/types/meta-v1.ts';

export interface ServerAccess {
  /** Such as `https://127.0.0.1:6443`. */
  readonly server: string;
  /** PEM of the authorities that the server's certificate is checked against. */
  readonly ca?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly token?: string;
}

/** What the server should answer with, where it is not the plain object. */
export type Representation = 'Table' | 'PartialObjectMetadata';

export interface HttpTransport extends Transport, Disposable {
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
}

/** A way to any API server over HTTPS, its own or a foreign one, with JSON on the wire. */
export function createHttpTransport(access: ServerAccess): HttpTransport {
  const agent = new Agent({ keepAlive: true });
  const send = (options: SendOptions): Promise<IncomingMessage> => exchange(access, agent, options);
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
      return JSON.parse(await text(response)) as unknown;
    },
    async *watch(request, { as, signal } = {}) {
      const path = pathOf({ ...request, verb: 'list', query: { ...request.query, watch: 'true' } });
      yield* batches(
        await send({ method: 'GET', path, headers: { accept: acceptOf(as) }, signal }),
      );
    },
    async get(path, { signal, accept = '*/*' } = {}) {
      const response = await send({ method: 'GET', path, headers: { accept }, signal });
      const answer = await text(response);
      const isJson = response.headers['content-type']?.includes('json');
      return isJson ? (JSON.parse(answer) as unknown) : answer;
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

async function exchange(
  { server, ca, clientCertificate, clientKey, token }: ServerAccess,
  agent: Agent,
  { method, path, headers, body, signal }: SendOptions,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request(new URL(path, server), {
    agent,
    method,
    headers: {
      ...headers,
      ...(token && { authorization: `Bearer ${token}` }),
      // Node frames no body of a DELETE by itself: the server would take it for the next request.
      ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    },
    ...(ca !== undefined && { ca }),
    ...(clientCertificate !== undefined && { cert: clientCertificate }),
    ...(clientKey !== undefined && { key: clientKey }),
    ...(signal && { signal }),
  });
  outgoing.once('response', resolve);
  outgoing.once('error', (cause) =>
    reject(signal?.aborted ? signal.reason : unreachable(server, cause)),
  );
  outgoing.end(body);
  const response = await promise;
  const code = response.statusCode ?? 0;
  if (code >= 400) throw errorOf(code, await text(response));
  return response;
}

function unreachable(server: string, cause: Error): ApiError {
  return new ApiError('ServiceUnavailable', `Cannot reach ${server}: ${cause.message}`, { cause });
}

interface SendOptions {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal | undefined;
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
export function pathOf(request: ApiRequest): string {
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

/** Whole lines as they arrive: one batch per chunk that completes any. */
async function* batches(response: IncomingMessage): AsyncGenerator<readonly WatchEvent[]> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
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
