import { randomUUID } from 'node:crypto';
import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { attributesOf, type Gate } from '#main/control-plane/apiserver/gate.ts';
import {
  errorFormat,
  sendCompressed,
  streamTo,
  wantsPretty,
  warningHeaders,
} from '#main/control-plane/apiserver/http/answer.ts';
import { encodeResponse, encodeValue } from '#main/control-plane/apiserver/http/encode.ts';
import {
  headerOf,
  type Exchange,
  type ResponseHeaders,
} from '#main/control-plane/apiserver/http/exchange.ts';
import { DeferredStream } from '#main/control-plane/apiserver/http/deferred-stream.ts';
import { httpBody } from '#main/control-plane/apiserver/http/http-body.ts';
import {
  bodyFormat,
  mediaType,
  negotiate,
  type Offer,
  type Representation,
} from '#main/control-plane/apiserver/http/media-types.ts';
import {
  refuseUpgrade,
  textHeaders,
  upgradeExchange,
} from '#main/control-plane/apiserver/http/upgrade.ts';
import { connectPod } from '#main/control-plane/apiserver/registry/pod/connect.ts';
import type { Upgrade } from '#main/control-plane/apiserver/http/listener.ts';
import type { Metrics } from '#main/control-plane/apiserver/http/metrics.ts';
import type { PathRoutes } from '#main/control-plane/apiserver/http/paths.ts';
import { hasTable, parseInclude } from '#main/control-plane/apiserver/http/table.ts';
import { WatchStream } from '#main/control-plane/apiserver/http/watch-stream.ts';
import { handlerOf } from '#main/control-plane/apiserver/pipeline.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { unsupportedPatch } from '#main/control-plane/apiserver/registry/patch.ts';
import { watch } from '#main/control-plane/apiserver/registry/read.ts';
import { methodNotAllowed } from '#main/control-plane/apiserver/registry/storage-of.ts';
import {
  requestInfoOf,
  type RequestInfo,
  type ResourceRequestInfo,
} from '#main/control-plane/apiserver/request/request-info.ts';
import type {
  RequestBody,
  ResourceRequest,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { patchTypes, type PatchType } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface HttpServerOptions {
  readonly core: Core;
  readonly gate: Gate;
  readonly paths: PathRoutes;
  readonly metrics: Metrics;
}

/** Upstream's limit for a request's body. */
const bodyLimitBytes = 3 * 1024 * 1024;
const longestManager = 128;

const patchTypeNames = new Set<string>(Object.values(patchTypes));

/** What one request collects for its answer besides the body. */
interface Reply {
  readonly exchange: Exchange;
  readonly headers: ResponseHeaders;
  readonly warnings: string[];
  info: RequestInfo | undefined;
}

/** The way in over HTTP: from an exchange to the pipeline and back. */
export class HttpServer {
  readonly #options: HttpServerOptions;

  constructor(options: HttpServerOptions) {
    this.#options = options;
  }

  /** Answers one exchange; never throws. */
  async serve(exchange: Exchange): Promise<void> {
    const { metrics, core } = this.#options;
    const started = core.clock.elapsed();
    const reply: Reply = {
      exchange,
      headers: {
        'audit-id': headerOf(exchange.headers, 'audit-id') ?? randomUUID(),
        'cache-control': 'no-cache, private',
      },
      warnings: [],
      info: undefined,
    };
    let code: number;
    try {
      code = await this.#answer(reply);
    } catch (error) {
      code = this.#fail(reply, error);
    }
    metrics.observe(reply.info, code, core.clock.elapsed() - started);
  }

  /** Hands a connection that becomes something else over to the node that it is for; never throws. */
  async upgrade(upgrade: Upgrade): Promise<void> {
    const { request, socket, head, peer } = upgrade;
    const exchange = upgradeExchange(request, peer);
    try {
      const info = requestInfoOf(exchange.method, exchange.path, exchange.query);
      const user = await this.#identify(exchange, info);
      await this.#options.gate.authorize(user, info, exchange.query);
      const { core } = this.#options;
      const served = info.isResourceRequest
        ? core.catalog.get(info.group, info.version, info.resource)
        : undefined;
      if (!info.isResourceRequest || !served) throw pageNotFound();
      const warnings: string[] = [];
      const resource = await resourceRequest(exchange, { info, served, user, warnings });
      await connectPod(core, resource, {
        socket,
        head,
        method: exchange.method,
        headers: textHeaders(exchange.headers),
      });
    } catch (error) {
      refuseUpgrade(socket, this.#asApiError(error, { exchange, info: undefined }));
    }
  }

  async #answer(reply: Reply): Promise<number> {
    const { exchange } = reply;
    const { method, path, query } = exchange;
    const info = requestInfoOf(method, path, query);
    reply.info = info;
    const user = await this.#identify(exchange, info);
    await this.#options.gate.authorize(user, info, query);
    if (!info.isResourceRequest) return this.#servePath(reply, user);
    const served = this.#options.core.catalog.get(info.group, info.version, info.resource);
    if (!served) return this.#servePath(reply, user);
    return this.#serveResource(reply, { info, served, user });
  }

  async #identify(exchange: Exchange, info: RequestInfo): Promise<UserInfo> {
    const { authenticator, impersonation } = this.#options.core.security;
    const { headers, certificates, query } = exchange;
    const authorization = headerOf(headers, 'authorization');
    const known = await authenticator.authenticate({
      headers,
      ...(authorization !== undefined && { authorization }),
      ...(certificates && { certificates }),
    });
    if (!known) throw new ApiError('Unauthorized', 'Unauthorized');
    if (!isImpersonating(headers)) return known.user;
    if (!impersonation) {
      throw new ApiError('Forbidden', 'impersonation is not available on this server');
    }
    const attributes = attributesOf(known.user, info, query);
    return (await impersonation.impersonate(headers, attributes)) ?? known.user;
  }

  async #servePath({ exchange, headers }: Reply, user: UserInfo): Promise<number> {
    const { method, path, query } = exchange;
    const answer = await this.#options.paths.serve({
      method,
      path,
      query,
      headers: exchange.headers,
      user,
      body: () => exchange.readBody(bodyLimitBytes),
    });
    if (!answer) {
      const text = {
        ...headers,
        'content-type': 'text/plain; charset=utf-8',
        'x-content-type-options': 'nosniff',
      };
      exchange.send(404, text, '404 page not found\n');
      return 404;
    }
    const { code = 200, contentType, body } = answer;
    const all = { ...headers, ...answer.headers, 'content-type': contentType };
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    await sendCompressed(exchange, { code, headers: all, body: bytes, gzip: answer.gzip });
    return code;
  }

  async #serveResource(
    reply: Reply,
    { info, served, user }: { info: ResourceRequestInfo; served: ServedResource; user: UserInfo },
  ): Promise<number> {
    const { exchange, headers, warnings } = reply;
    const { core } = this.#options;
    checkPlace(exchange, info, served);
    const offer: Offer = {
      isResource: true,
      withoutProtobuf: served.codec.encodeMessage === undefined,
      isStream: info.verb === 'watch',
      withoutTable: !hasTable(served, info.subresource),
    };
    const representation = negotiate(headerOf(exchange.headers, 'accept'), offer);
    const request = await resourceRequest(exchange, { info, served, user, warnings });
    if (info.verb === 'watch') return this.#watch(reply, request, representation);
    const response = await handlerOf(request)(request, core);
    if (response.type === 'stream') return streamTo(exchange, headers, response);
    if (response.type === 'empty') {
      exchange.send(response.code, headers, '');
      return response.code;
    }
    const body = encodeResponse(response, {
      served,
      representation,
      query: exchange.query,
      now: core.clock.now(),
      isPretty: wantsPretty(exchange),
    });
    const code = response.type === 'list' ? 200 : response.code;
    await sendCompressed(exchange, {
      code,
      headers: {
        ...headers,
        'content-type': representation.contentType,
        ...warningHeaders(warnings),
      },
      body,
    });
    return code;
  }

  #watch(reply: Reply, request: ResourceRequest, representation: Representation): number {
    const { core, metrics } = this.#options;
    const { exchange, headers } = reply;
    const { format, contentType } = representation;
    const include = parseInclude(exchange.query['includeObject']);
    const deferred = new DeferredStream();
    const sink = new WatchStream({
      served: request.served,
      representation,
      include,
      stream: deferred,
      now: () => core.clock.now(),
    });
    const session = watch(request, core, sink);
    const stream = exchange.open(200, {
      ...headers,
      'content-type': format === 'json' ? contentType : `${contentType};stream=watch`,
    });
    const done = metrics.longRunning(request);
    stream.onClose(() => {
      session[Symbol.dispose]();
      done();
    });
    deferred.connect(stream);
    return 200;
  }

  #fail(reply: Reply, error: unknown): number {
    const { exchange, headers, warnings } = reply;
    const failure = this.#asApiError(error, reply);
    const { code, details } = failure;
    const { format, contentType } = errorFormat(exchange);
    const more = {
      ...headers,
      'content-type': contentType,
      ...warningHeaders(warnings),
      ...(details.retryAfterSeconds && { 'retry-after': String(details.retryAfterSeconds) }),
    };
    exchange.send(code, more, encodeValue(failure.toStatus(), { format }, wantsPretty(exchange)));
    return code;
  }

  #asApiError(error: unknown, { exchange, info }: Pick<Reply, 'exchange' | 'info'>): ApiError {
    if (error instanceof ApiError) {
      if (error.code >= 500 && error.cause) {
        this.#options.core.log.warn('Request failed', { path: exchange.path, error });
      }
      return error;
    }
    this.#options.core.log.error('Request failed', {
      method: exchange.method,
      path: info?.path,
      error,
    });
    const message = error instanceof Error ? error.message : String(error);
    return new ApiError('InternalError', `Internal error occurred: ${message}`, { cause: error });
  }
}

/** A namespaced object is reached in its namespace; collections may be asked for across all. */
function checkPlace(
  { method }: Exchange,
  info: ResourceRequestInfo,
  { resource }: ServedResource,
): void {
  if (method === 'HEAD' || method === 'OPTIONS')
    throw methodNotAllowed(resource, method.toLowerCase());
  const isNamespaced = resource.scope === 'Namespaced';
  if (!isNamespaced && info.namespace && resource.plural !== 'namespaces') throw pageNotFound();
  if (!isNamespaced || info.namespace) {
    if (info.verb === 'create' && info.name && !info.subresource) throw notAllowedHere();
    return;
  }
  if (info.name) throw pageNotFound();
  if (info.verb !== 'list' && info.verb !== 'watch') throw notAllowedHere();
}

function pageNotFound(): ApiError {
  return new ApiError('NotFound', 'the server could not find the requested resource', {
    details: {},
  });
}

function notAllowedHere(): ApiError {
  const message = 'the server does not allow this method on the requested resource';
  return new ApiError('MethodNotAllowed', message, { details: {} });
}

interface Resolved {
  readonly info: ResourceRequestInfo;
  readonly served: ServedResource;
  readonly user: UserInfo;
  readonly warnings: string[];
}

async function resourceRequest(
  exchange: Exchange,
  { info, served, user, warnings }: Resolved,
): Promise<ResourceRequest> {
  const { headers, query } = exchange;
  const { verb, subresource, name, rest } = info;
  const contentType = headerOf(headers, 'content-type');
  const patchType = verb === 'patch' ? patchTypeOf(contentType, served) : undefined;
  return {
    verb,
    served,
    subresource,
    namespace: served.resource.scope === 'Namespaced' ? info.namespace : '',
    name,
    rest,
    user,
    query,
    search: exchange.search,
    body: await readRequestBody(exchange, info, { served, patchType }),
    patchType,
    defaultManager: managerOf(headerOf(headers, 'user-agent')),
    get signal() {
      return exchange.signal;
    },
    warn: (sentence) => void (warnings.includes(sentence) || warnings.push(sentence)),
  };
}

const verbsWithBody = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

async function readRequestBody(
  exchange: Exchange,
  { verb }: ResourceRequestInfo,
  { served, patchType }: { served: ServedResource; patchType: PatchType | undefined },
): Promise<RequestBody | undefined> {
  if (!verbsWithBody.has(verb)) return undefined;
  const offer = { withoutProtobuf: served.codec.decodeMessage === undefined && verb !== 'delete' };
  const contentType = headerOf(exchange.headers, 'content-type');
  const format = patchType
    ? patchType === patchTypes.apply
      ? 'yaml'
      : 'json'
    : bodyFormat(contentType, offer);
  return httpBody(await exchange.readBody(bodyLimitBytes), format);
}

function patchTypeOf(contentType: string | undefined, { codec }: ServedResource): PatchType {
  const type = mediaType(contentType ?? '');
  const isKnown = patchTypeNames.has(type);
  if (isKnown && (type !== patchTypes.strategic || codec.hasStrategicPatch))
    return type as PatchType;
  const { json, merge, strategic, apply } = patchTypes;
  throw unsupportedPatch(
    codec.hasStrategicPatch ? [json, merge, strategic, apply] : [json, merge, apply],
  );
}

/** The User-Agent up to its first slash, printable and not too long, as upstream. */
function managerOf(userAgent = ''): string {
  const slash = userAgent.indexOf('/');
  const name = slash < 0 ? userAgent : userAgent.slice(0, slash);
  const printable = name.replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '');
  return (printable || 'unknown').slice(0, longestManager);
}

function isImpersonating(headers: Exchange['headers']): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true;
  return false;
}
