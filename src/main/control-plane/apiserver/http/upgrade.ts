import { ServerResponse, type IncomingMessage } from 'node:http';
import { WebSocketServer } from 'ws';
import type {
  Exchange,
  ResponseHeaders,
  ResponseStream,
} from '#main/control-plane/apiserver/http/exchange.ts';
import { http1Exchange } from '#main/control-plane/apiserver/http/http1-exchange.ts';
import type { Peer } from '#main/control-plane/apiserver/http/http2-exchange.ts';
import type { UpgradeRequest } from '#main/control-plane/apiserver/streaming/websocket.ts';

/** A request to upgrade, as far as it is one like others: refused, it is answered like them. */
export function upgradeExchange({ request, socket }: UpgradeRequest, peer: Peer): Exchange {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  // Node's own server does the same with the sockets that it gets; any stream serves.
  response.assignSocket(socket as IncomingMessage['socket']);
  response.once('finish', () => {
    response.detachSocket(socket as IncomingMessage['socket']);
    socket.end();
  });
  return http1Exchange(request, response, peer);
}

/** An exchange whose answer, if it is a stream, goes out as messages of a WebSocket. */
export function webSocketExchange(exchange: Exchange, client: UpgradeRequest): Exchange {
  return { ...exchange, open: (_code, headers) => openWebSocket(client, headers) };
}

function openWebSocket(
  { request, socket, head }: UpgradeRequest,
  headers: ResponseHeaders,
): ResponseStream {
  const isText = String(headers['content-type'] ?? '').includes('json');
  const server = new WebSocketServer({ noServer: true, clientTracking: false });
  let accepted: import('ws').WebSocket | undefined;
  server.handleUpgrade(request, socket, head, (made) => (accepted = made));
  accepted?.on('error', () => {}); // what breaks the connection also closes it
  return {
    write(chunk) {
      for (const message of isText ? lines(chunk) : frames(chunk)) accepted?.send(message);
    },
    room: () => undefined,
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
