import { WebSocketServer, type WebSocket } from 'ws';
import type {
  Exchange,
  ResponseHeaders,
  ResponseStream,
} from '#main/control-plane/apiserver/http/exchange.ts';
import {
  offeredProtocols,
  type UpgradeRequest,
} from '#main/control-plane/apiserver/streaming/websocket.ts';

/** An exchange whose answer, if it is a stream, goes out as messages of a WebSocket. */
export function webSocketExchange(exchange: Exchange, client: UpgradeRequest): Exchange {
  return { ...exchange, open: (_code, headers) => openWebSocket(client, headers) };
}

/** How an answer's bytes become messages. */
interface Messages {
  /** Sent at once, so that the client knows that it is heard. */
  readonly greeting?: string | Uint8Array;
  of(chunk: Uint8Array): Iterable<string | Uint8Array>;
}

const base64Protocol = 'base64.binary.k8s.io';

function openWebSocket(
  { request, socket, head }: UpgradeRequest,
  headers: ResponseHeaders,
): ResponseStream {
  const server = new WebSocketServer({ noServer: true, clientTracking: false });
  let accepted: WebSocket | undefined;
  server.handleUpgrade(request, socket, head, (made) => (accepted = made));
  accepted?.on('error', () => {}); // what breaks the connection also closes it
  const type = String(headers['content-type'] ?? '');
  const messages = messagesFor(type, offeredProtocols(request));
  if (messages.greeting !== undefined) accepted?.send(messages.greeting);
  let last: Promise<void> | undefined;
  return {
    write(chunk) {
      const sent = Promise.withResolvers<void>();
      const all = [...messages.of(chunk)];
      for (const message of all.slice(0, -1)) accepted?.send(message);
      if (all.length > 0) accepted?.send(all.at(-1)!, () => sent.resolve());
      last = all.length > 0 ? sent.promise : undefined;
    },
    room: () => last,
    get pendingBytes() {
      return accepted?.bufferedAmount ?? 0;
    },
    end: () => accepted?.close(1000),
    destroy: () => accepted?.terminate(),
    onClose(listener) {
      if (accepted) accepted.once('close', listener);
      else listener();
    },
  };
}

function messagesFor(type: string, [protocol]: readonly string[]): Messages {
  if (type.includes('json')) return { of: lines };
  if (type.includes('stream=watch')) return { of: frames };
  if (protocol === base64Protocol) {
    return { greeting: '', of: (chunk) => [Buffer.from(chunk).toString('base64')] };
  }
  return { greeting: Buffer.alloc(0), of: (chunk) => [chunk] };
}

/** An event a message; in JSON none has a line break within. */
function* lines(chunk: Uint8Array): Iterable<string> {
  for (const line of Buffer.from(chunk).toString().split('\n')) if (line !== '') yield `${line}\n`;
}

/** Without the length that stands before each event where there are no messages. */
function* frames(chunk: Uint8Array): Iterable<Uint8Array> {
  const bytes = Buffer.from(chunk);
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    yield bytes.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
}
