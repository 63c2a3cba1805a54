import { createServer as createHttp1Server, type Server as Http1Server } from 'node:http';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Exchange } from '#main/control-plane/apiserver/http/exchange.ts';
import { http1Exchange } from '#main/control-plane/apiserver/http/http1-exchange.ts';
import { http2Exchange, type Peer } from '#main/control-plane/apiserver/http/http2-exchange.ts';
import type { UpgradeRequest } from '#main/control-plane/apiserver/streaming/websocket.ts';
import { ServerConnection } from '#main/http2/connection.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly tls: Pick<TlsOptions, 'key' | 'cert' | 'SNICallback'>;
}

export interface Listener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** New connections are shown this certificate from now on; those that are there stay. */
  renew(tls: Pick<TlsOptions, 'key' | 'cert'>): void;
}

/** A connection that the client wants to use for something else: SPDY, a WebSocket. */
export interface Upgrade extends UpgradeRequest {
  readonly peer: Peer;
}

export interface ListenerOptions extends ListenOptions {
  readonly clock: Clock;
  readonly log: Log;
  serve(exchange: Exchange): void;
  upgrade(upgrade: Upgrade): void;
}

/** Go's own numbers: a window of 256 KB a stream and 25 MB a connection. */
const streamWindowBytes = 256 * 1024;
const connectionWindowBytes = 25 * 1024 * 1024;
const maxConcurrentStreams = 1000;
/** Some clients send all of a body that was refused before they read why. */
const mostDiscardedBytes = 64 * 1024 * 1024;
const idleTimeoutMs = 90_000;
const headersTimeoutMs = 32_000;
/** How long requests under way get to finish at the end. */
const drainMs = 2_000;

/** HTTP/2 and HTTP/1.1 over TLS on one port, by what the client prefers. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { clock, log } = options;
  const http1 = http1Server(options);
  const date = dateHeader(clock);
  const connections = new Map<TLSSocket, ServerConnection>();
  const sockets = new Set<TLSSocket>();
  const server = createTlsServer({
    ...options.tls,
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: 'TLSv1.2',
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', (error) => log.debug('Connection failed', { error }));
    socket.setNoDelay(true);
    if (socket.alpnProtocol !== 'h2') {
      http1.emit('connection', socket);
      return;
    }
    socket.once('close', () => connections.delete(socket));
    connections.set(socket, http2Connection(socket, options, date));
  });
  server.on('tlsClientError', (error) => log.debug('TLS handshake failed', { error }));
  await bound(server, options);
  const address = server.address();
  if (!address || typeof address === 'string') throw new Error('The listener has no port');
  return {
    host: options.host,
    port: address.port,
    renew: (tls) => server.setSecureContext(tls),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const connection of connections.values()) connection.close();
      http1.keepAliveTimeout = 1;
      http1.closeIdleConnections();
      const timer = clock.after(drainMs, () => {
        for (const socket of sockets) socket.destroy();
      });
      await closed;
      timer[Symbol.dispose]();
    },
  };
}

function http1Server({ serve, upgrade }: ListenerOptions): Http1Server {
  const server = createHttp1Server({
    keepAliveTimeout: idleTimeoutMs,
    headersTimeout: headersTimeoutMs,
    // Nobody here goes on in HTTP/2 after having begun in HTTP/1.1.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() !== 'h2c',
  });
  const peers = new WeakMap<object, Peer>();
  const peerOf = (socket: object): Peer => {
    let peer = peers.get(socket);
    if (!peer) peers.set(socket, (peer = readPeer(socket as TLSSocket)));
    return peer;
  };
  server.on('request', (request, response) => {
    serve(http1Exchange(request, response, peerOf(request.socket)));
  });
  server.on('upgrade', (request, socket, head) => {
    upgrade({ request, socket, head, peer: peerOf(request.socket) });
  });
  return server;
}

function http2Connection(
  socket: TLSSocket,
  { serve, clock, log }: ListenerOptions,
  date: () => string,
): ServerConnection {
  const options = { peer: readPeer(socket), date };
  return new ServerConnection(socket, {
    streamWindowBytes,
    connectionWindowBytes,
    maxConcurrentStreams,
    mostDiscardedBytes,
    elapsed: () => clock.elapsed(),
    accept: (stream) => serve(http2Exchange(stream, options)),
    failed: (error) => log.debug('HTTP/2 connection failed', { error }),
  });
}

/** Made once a second. */
function dateHeader(clock: Clock): () => string {
  let second = -1;
  let text = '';
  return () => {
    const now = Math.floor(clock.now() / 1000);
    if (now !== second) text = new Date(now * 1000).toUTCString();
    second = now;
    return text;
  };
}

function bound(server: ReturnType<typeof createTlsServer>, options: ListenOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: options.host, port: options.port }, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}

function readPeer(socket: TLSSocket): Peer {
  const certificates: Uint8Array[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate) {
    certificates.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return {
    certificates: certificates.length > 0 ? certificates : undefined,
    remoteAddress: socket.remoteAddress ?? '',
  };
}
