import { randomUUID } from 'node:crypto';
import type { Aggregator } from '#main/control-plane/apiserver/aggregation/aggregator.ts';
import { foreignFor, proxyToService } from '#main/control-plane/apiserver/aggregation/proxy.ts';
import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { attributesOf, type Gate } from '#main/control-plane/apiserver/gate.ts';
import {
  errorFormat,
  acceptsGzip,
  sendCompressed,
  streamTo,
  wantsPretty,
  warningHeaders,
} from '#main/control-plane/apiserver/http/answer.ts';
import {
  encodeResponse,
  encodeValue,
  jsonListOf,
} from '#main/control-plane/apiserver/http/encode.ts';
import {
  headerOf,
  type Exchange,
  type ResponseHeaders,
} from '#main/control-plane/apiserver/http/exchange.ts';
import { DeferredStream } from '#main/control-plane/apiserver/http/deferred-stream.ts';
import {
  negotiate,
  type Offer,
  type Representation,
} from '#main/control-plane/apiserver/http/media-types.ts';
import {
  handOver,
  isHandedOver,
  pageNotFound,
  proxy,
} from '#main/control-plane/apiserver/http/hand-over.ts';
import {
  bodyLimitBytes,
  resourceRequest,
} from '#main/control-plane/apiserver/http/resource-request.ts';
import { upgradeExchange } from '#main/control-plane/apiserver/http/upgrade.ts';
import { webSocketExchange } from '#main/control-plane/apiserver/http/web-socket-exchange.ts';
import {
  isWebSocketRequest,
  takeTokenFromProtocol,
} from '#main/control-plane/apiserver/streaming/websocket.ts';
import type { Upgrade } from '#main/control-plane/apiserver/http/listener.ts';
import type { Metrics } from '#main/control-plane/apiserver/http/metrics.ts';
import type { PathRoutes } from '#main/control-plane/apiserver/http/paths.ts';
import { hasTable, parseInclude } from '#main/control-plane/apiserver/http/table.ts';
import { WatchStream } from '#main/control-plane/apiserver/http/watch-stream.ts';
import { handlerOf } from '#main/control-plane/apiserver/pipeline.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { watch } from '#main/control-plane/apiserver/registry/read.ts';
import { methodNotAllowed } from '#main/control-plane/apiserver/registry/storage-of.ts';
import {
  requestInfoOf,
  type RequestInfo,
  type ResourceRequestInfo,
} from '#main/control-plane/apiserver/request/request-info.ts';
import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface HttpServerOptions {
  /** The way to other API servers; absent: there are none. */
  readonly aggregator?: Aggregator | undefined;
  readonly core: Core;
  readonly gate: Gate;
  readonly paths: PathRoutes;
  readonly metrics: Metrics;
}

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
    const reply = newReply(exchange);
    let code: number;
    try {
      code = await this.#answer(reply);
    } catch (error) {
      code = this.#fail(reply, error);
    }
    metrics.observe(reply.info, code, core.clock.elapsed() - started);
  }

  /**
   * A connection that the client wants to use for something else: handed over to the node that it is
   * for, or a watch or log by messages. Where there is no such thing, it is a request like others. Never
   * throws.
   */
  async upgrade({ peer, ...client }: Upgrade): Promise<void> {
    takeTokenFromProtocol(client.request.headers);
    const exchange = upgradeExchange(client, peer);
    const info = requestInfoOf(exchange.method, exchange.path, exchange.query);
    if (isWebSocketRequest(client.request) && isStreamed(info)) {
      return this.serve(webSocketExchange(exchange, client));
    }
    const served = this.#servedFor(info);
    if (!info.isResourceRequest || !served || !isHandedOver(served, info.subresource)) {
      return this.serve(exchange);
    }
    const reply = newReply(exchange);
    try {
      const user = await this.#identify(exchange, info);
      await this.#options.gate.authorize(user, info, exchange.query);
      const resolved = { info, served, user, warnings: reply.warnings };
      await handOver(this.#options, { client, exchange, resolved });
    } catch (error) {
      if (!client.socket.destroyed) this.#fail(reply, error);
    }
  }

  #servedFor(info: RequestInfo): ServedResource | undefined {
    if (!info.isResourceRequest) return undefined;
    return this.#options.core.catalog.get(info.group, info.version, info.resource);
  }

  async #answer(reply: Reply): Promise<number> {
    const { exchange } = reply;
    const { method, path, query } = exchange;
    const info = requestInfoOf(method, path, query);
    reply.info = info;
    const user = await this.#identify(exchange, info);
    await this.#options.gate.authorize(user, info, query);
    const { aggregator } = this.#options;
    const foreign = foreignFor(aggregator, path);
    if (aggregator && foreign) return proxyToService(aggregator, { exchange, user }, foreign);
    const served = this.#servedFor(info);
    if (!info.isResourceRequest || !served) return this.#servePath(reply, user);
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
    if (info.subresource === 'proxy' && isHandedOver(served, 'proxy')) {
      return proxy(core, exchange, { info, served, user, warnings });
    }
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
    const context = {
      served,
      representation,
      query: exchange.query,
      now: core.clock.now(),
      isPretty: wantsPretty(exchange),
    };
    const code = response.type === 'list' ? 200 : response.code;
    const more = {
      ...headers,
      'content-type': representation.contentType,
      ...warningHeaders(warnings),
    };
    const list = acceptsGzip(exchange) ? undefined : jsonListOf(response, context);
    if (list?.isLong) {
      const stream = exchange.open(code, { ...more, 'content-length': list.length });
      await list.writeTo(stream);
    } else {
      const body = list?.toBytes() ?? encodeResponse(response, context);
      await sendCompressed(exchange, { code, headers: more, body });
    }
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

/** Answers that can as well come message by message. */
function isStreamed(info: RequestInfo): boolean {
  if (!info.isResourceRequest) return false;
  return info.verb === 'watch' || (info.verb === 'get' && info.subresource === 'log');
}

function newReply(exchange: Exchange): Reply {
  return {
    exchange,
    headers: {
      'audit-id': headerOf(exchange.headers, 'audit-id') ?? randomUUID(),
      'cache-control': 'no-cache, private',
    },
    warnings: [],
    info: undefined,
  };
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

function notAllowedHere(): ApiError {
  const message = 'the server does not allow this method on the requested resource';
  return new ApiError('MethodNotAllowed', message, { details: {} });
}

function isImpersonating(headers: Exchange['headers']): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true;
  return false;
}
