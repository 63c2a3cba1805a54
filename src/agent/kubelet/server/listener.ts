import { ServerResponse, type IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Access } from './access.ts';
import type { Authentication } from './caller.ts';
import { text, type KubeletAnswer, type KubeletRequest } from './exchange.ts';
import type { KubeletMetrics } from './metrics/kubelet.ts';
import type { Routes } from './routes.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';

interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface ListenerOptions {
  readonly port: number;
  /** Read again twice a day: what is renewed on disk is shown to new callers. */
  readonly tls: () => TlsFiles;
  readonly authentication: Authentication;
  readonly access: Access;
  readonly routes: Routes;
  readonly metrics: KubeletMetrics;
  readonly clock: Clock;
  readonly log: Log;
}

const renewalCheckMs = 12 * 3_600_000;

/** HTTPS on all of the node's addresses. */
export async function serveKubelet(
  options: ListenerOptions,
): Promise<AsyncDisposable & { readonly port: number }> {
  const { tls, clock, log, port } = options;
  const ending = new AbortController();
  const sockets = new Set<Duplex>();
  const server = createServer({
    ...tls(),
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  });
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('error', (error) => log.debug('Connection failed', { error }));
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (error) => log.debug('TLS handshake failed', { error }));
  server.on('request', (request, response) => {
    void serve(options, { request, response, upgrade: undefined, ending: ending.signal });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const response = responseOver(request, socket);
    void serve(options, { request, response, upgrade: { socket, head }, ending: ending.signal });
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, resolve);
  await promise;
  let timer = clock.after(renewalCheckMs, renew);
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      timer[Symbol.dispose]();
      ending.abort();
      const closed = new Promise<void>((done) => void server.close(() => done()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };

  function renew(): void {
    timer = clock.after(renewalCheckMs, renew);
    try {
      server.setSecureContext(tls());
    } catch (error) {
      log.error('Cannot read the serving certificate; the old one stays', { error });
    }
  }
}

/** For refusals over a connection that was to become something else. */
function responseOver(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as IncomingMessage['socket']);
  response.once('finish', () => {
    response.detachSocket(socket as IncomingMessage['socket']);
    socket.end();
  });
  return response;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade: KubeletRequest['upgrade'];
  readonly ending: AbortSignal;
}

async function serve(options: ListenerOptions, exchange: Exchange): Promise<void> {
  const { request, response, ending } = exchange;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, ending]);
  try {
    const answer = await answerTo(options, exchange, signal);
    if (answer) await send(request, response, answer);
  } catch (error) {
    options.log.warn('Request failed', { path: request.url, error });
    if (response.headersSent) response.destroy();
    else
      await send(
        request,
        response,
        text(500, error instanceof Error ? error.message : String(error)),
      );
  }
}

async function answerTo(
  { authentication, access, routes, metrics }: ListenerOptions,
  { request, upgrade }: Exchange,
  signal: AbortSignal,
): Promise<KubeletAnswer | undefined> {
  const { method = 'GET' } = request;
  const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://kubelet');
  const caller = await authentication.callerOf(request);
  if (!caller) return text(401, 'Unauthorized');
  const refusal = await access.refusal(caller, method, path);
  if (refusal !== undefined) return text(403, refusal);
  metrics.count(method, path);
  return routes.serve({ method, path, query, incoming: request, upgrade, signal });
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { code, type, headers, body }: KubeletAnswer,
): Promise<void> {
  if (type) response.setHeader('content-type', type);
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
  if (typeof body === 'string' || body instanceof Uint8Array) {
    response.setHeader('content-length', Buffer.byteLength(body));
    response.writeHead(code).end(request.method === 'HEAD' ? undefined : body);
    return;
  }
  response.writeHead(code);
  response.flushHeaders();
  for await (const chunk of body) {
    if (response.destroyed) break;
    if (!response.write(chunk)) await room(response);
  }
  response.end();
}

function room(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('drain', resolve);
  response.once('close', resolve);
  return promise;
}
