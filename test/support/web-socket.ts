import { WebSocket } from 'ws';
import type { HttpsServer } from './https-server.ts';

export interface WebSocketTalk {
  readonly protocol: string;
  readonly messages: readonly Buffer[];
  readonly code: number;
}

/** Opens a WebSocket, sends what `send` says, and collects what comes until the other side ends. */
export function talk(
  { url, certificate }: HttpsServer,
  path: string,
  {
    protocols = [],
    send = () => {},
    until = () => false,
  }: {
    readonly protocols?: readonly string[];
    readonly send?: (socket: WebSocket) => void;
    /** Ends the talk from this side. */
    readonly until?: (messages: readonly Buffer[]) => boolean;
  },
): Promise<WebSocketTalk> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocketTalk>();
  const socket = new WebSocket(url.replace('https', 'wss') + path, [...protocols], {
    ca: certificate,
  });
  const messages: Buffer[] = [];
  socket.on('open', () => send(socket));
  socket.on('message', (message: Buffer) => {
    messages.push(message);
    if (until(messages)) socket.close();
  });
  socket.on('unexpected-response', (_request, response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => (body += chunk));
    response.on('end', () => reject(new Error(`${response.statusCode} ${body}`)));
  });
  socket.on('error', reject);
  socket.on('close', (code) => resolve({ protocol: socket.protocol, messages, code }));
  return promise;
}
