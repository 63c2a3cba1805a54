import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createGunzip, createInflate } from 'node:zlib';
import {
  headerOf,
  type Exchange,
  type RequestHeaders,
  type ResponseHeaders,
} from '#main/control-plane/apiserver/http/exchange.ts';
import { writeAll } from '#main/control-plane/apiserver/http/answer.ts';
import type { Location } from '#main/control-plane/apiserver/proxy/location.ts';
import {
  rewriteLinks,
  rewriteUrl,
  type RewriteOptions,
} from '#main/control-plane/apiserver/proxy/rewrite.ts';
import {
  callOver,
  type HttpAnswer,
  type Upgraded,
} from '#main/control-plane/apiserver/streaming/http-call.ts';
import { passBack } from '#main/control-plane/apiserver/streaming/splice.ts';
import type { UpgradeRequest } from '#main/control-plane/apiserver/streaming/websocket.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** What of a request's path goes on to the proxied side, with the slash at its end. */
export function proxiedPath(rest: readonly string[], path: string): string {
  const tail = rest.length > 0 && path.endsWith('/') ? '/' : '';
  const encoded = rest.map((part) => encodeURI(part).replaceAll(/[?#]/g, encodeURIComponent));
  return `/${encoded.join('/')}${tail}`;
}

/** Sends a request on and its answer back, links and redirections made to lead here. */
export async function forward(
  exchange: Exchange,
  location: Location,
  rest: readonly string[],
): Promise<number> {
  const { method, path, search } = exchange;
  if (rest.length === 0 && !path.endsWith('/') && (method === 'GET' || method === 'HEAD')) {
    exchange.send(301, { location: `${path}/${search && `?${search}`}` }, '');
    return 301;
  }
  const target = proxiedPath(rest, path);
  const prefix = prefixOf(path, target);
  const answer = await call(exchange, location, {
    path: target + (search && `?${search}`),
    headers: {
      ...passedHeaders(exchange.headers),
      'x-forwarded-uri': path,
      'x-forwarded-for': forwardedFor(exchange),
    },
  });
  const requestHost = hostOf(exchange.headers);
  const ownHosts = [location.host, requestHost];
  return answerWith(exchange, answer, { prefix, ownHosts, requestHost });
}

/** Makes the client's connection the other side's, whatever they speak then. */
export async function forwardUpgrade(
  client: UpgradeRequest,
  location: Location,
  { rest, exchange }: { readonly rest: readonly string[]; readonly exchange: Exchange },
): Promise<void> {
  const { connection, upgrade } = client.request.headers;
  const { path, search } = exchange;
  const answer = await call({ ...exchange, hasNoBody: true }, location, {
    path: proxiedPath(rest, path) + (search && `?${search}`),
    headers: {
      ...passedHeaders(exchange.headers),
      ...(connection && { connection }),
      ...(upgrade && { upgrade }),
      'x-forwarded-for': forwardedFor(exchange),
    },
  });
  if (answer.code < 400 && answer.code !== 101) {
    throw new ApiError(
      'InternalError',
      `Internal error occurred: invalid upgrade response: status code ${answer.code}`,
    );
  }
  if (client.head.length > 0) client.socket.unshift(client.head);
  passBack(client.socket, answer);
}

interface Outgoing {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

async function call(
  exchange: Pick<Exchange, 'method' | 'headers' | 'body' | 'signal'> & {
    readonly hasNoBody?: boolean;
  },
  location: Location,
  { path, headers }: Outgoing,
): Promise<HttpAnswer | Upgraded> {
  const { method, signal } = exchange;
  const body = !exchange.hasNoBody && hasBody(exchange) ? exchange.body : undefined;
  try {
    const connection = await location.dial({ signal });
    return await callOver(connection, { method, path, headers, body, signal });
  } catch (cause) {
    signal.throwIfAborted();
    if (ApiError.is(cause) && cause.reason !== 'ServiceUnavailable') throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `error trying to reach service: ${why}`;
    throw new ApiError('ServiceUnavailable', message, { cause });
  }
}

export function hasBody({ method, headers }: Pick<Exchange, 'method' | 'headers'>): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  if (method === 'POST' || method === 'PUT' || method === 'PATCH') return true;
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** Headers of one connection, and those that were for this server. */
const withheld =
  /^(:.*|connection|proxy-connection|keep-alive|proxy-authenticate|proxy-authorization|te|trailer|transfer-encoding|upgrade|authorization|impersonate-.*|x-forwarded-for)$/;

export function passedHeaders(headers: RequestHeaders): Record<string, string | readonly string[]> {
  const listed = (headerOf(headers, 'connection') ?? '').toLowerCase().split(/[\s,]+/);
  const passed: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || withheld.test(name) || listed.includes(name)) continue;
    passed[name] = value;
  }
  passed['host'] = hostOf(headers);
  return passed;
}

function hostOf(headers: RequestHeaders): string {
  return headerOf(headers, 'host') ?? headerOf(headers, ':authority') ?? '';
}

export function forwardedFor({ headers, remoteAddress }: Exchange): string {
  const before = headerOf(headers, 'x-forwarded-for');
  const address = remoteAddress.replace(/^::ffff:/, '');
  return before ? `${before}, ${address}` : address;
}

/** The request's path without what it has in common with the proxied one at the end. */
function prefixOf(path: string, target: string): string {
  const isSame = decodeURI(path).endsWith(decodeURI(target));
  return isSame ? decodeURI(path).slice(0, -decodeURI(target).length) : path;
}

async function answerWith(
  exchange: Exchange,
  answer: HttpAnswer | Upgraded,
  options: RewriteOptions,
): Promise<number> {
  if (!('body' in answer)) throw new ApiError('InternalError', 'unexpected upgrade of a request');
  const headers = answerHeaders(answer);
  const { code } = answer;
  const redirection = answer.headers.location;
  if (redirection) headers['location'] = rewriteUrl(redirection, options);
  const type = answer.headers['content-type']?.split(';')[0]?.trim();
  if (redirection || type !== 'text/html' || exchange.method === 'HEAD') {
    await writeAll(exchange.open(code, headers), answer.body);
    return code;
  }
  const page = rewriteLinks(await text(decompressed(answer)), options);
  delete headers['content-length'];
  delete headers['content-encoding'];
  exchange.send(code, headers, page);
  return code;
}

/** Nothing of the other connection, and nothing that opens this server to foreign pages. */
const notPassedBack =
  /^(connection|keep-alive|proxy-authenticate|proxy-authorization|te|trailer|transfer-encoding|upgrade|access-control-.*)$/;

export function answerHeaders({ rawHeaders }: HttpAnswer): ResponseHeaders {
  const headers: Record<string, string | string[]> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (notPassedBack.test(name)) continue;
    const value = rawHeaders[at + 1]!;
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

function decompressed({ headers, body }: HttpAnswer): Readable {
  const encoding = headers['content-encoding'];
  if (encoding === 'gzip') return body.pipe(createGunzip());
  return encoding === 'deflate' ? body.pipe(createInflate()) : body;
}
