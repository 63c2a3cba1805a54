import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';

/** A client's connection that it wants to use for something else. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client sent behind its request. */
  readonly head: Buffer;
}

export function isWebSocketRequest({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const { connection, upgrade } = headers;
  return (
    upgrade?.toLowerCase() === 'websocket' && /(^|[\s,])upgrade($|[\s,])/i.test(connection ?? '')
  );
}

/** The subprotocols that the client speaks, in its order. */
export function offeredProtocols({ headers }: Pick<IncomingMessage, 'headers'>): string[] {
  const offered = headers['sec-websocket-protocol'] ?? '';
  return offered
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

const tokenPrefix = 'base64url.bearer.authorization.k8s.io.';

/**
 * Browsers cannot set headers of a WebSocket's request: their token comes as a subprotocol, which
 * nobody else is to see.
 */
export function takeTokenFromProtocol(headers: IncomingHttpHeaders): void {
  const offered = offeredProtocols({ headers });
  const tokens = offered.filter((name) => name.startsWith(tokenPrefix));
  const [given] = tokens;
  const others = offered.filter((name) => !tokens.includes(name));
  // Without another protocol there would be none to agree on, and the browser would give up.
  if (given === undefined || tokens.length > 1 || others.length === 0) return;
  const token = Buffer.from(given.slice(tokenPrefix.length), 'base64url').toString();
  headers.authorization ??= `Bearer ${token}`;
  headers['sec-websocket-protocol'] = others.join(', ');
}

/** Completes the handshake; nothing is read until somebody resumes. A request that is no proper one is answered, and rejects. */
export function acceptWebSocket(
  { request, socket, head }: UpgradeRequest,
  protocol: string | undefined,
): Promise<WebSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    handleProtocols: () => protocol ?? false,
  });
  server.once('wsClientError', (error) => {
    reject(error);
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  });
  server.handleUpgrade(request, socket, head, (accepted) => {
    // What breaks the connection also closes it, which is what everybody listens for.
    accepted.on('error', () => {});
    accepted.pause();
    resolve(accepted);
  });
  return promise;
}
