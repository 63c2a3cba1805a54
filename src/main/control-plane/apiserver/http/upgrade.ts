import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Exchange } from '#main/control-plane/apiserver/http/exchange.ts';
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
