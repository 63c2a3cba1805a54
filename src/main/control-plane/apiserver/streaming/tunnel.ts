import type { Duplex } from 'node:stream';
import { createWebSocketStream } from 'ws';
import {
  callOver,
  isUpgraded,
  type HttpAnswer,
} from '#main/control-plane/apiserver/streaming/http-call.ts';
import { splice } from '#main/control-plane/apiserver/streaming/splice.ts';
import {
  acceptWebSocket,
  offeredProtocols,
  type UpgradeRequest,
} from '#main/control-plane/apiserver/streaming/websocket.ts';

const tunnelPrefix = 'SPDY/3.1+';

/** What a client that tunnels SPDY through a WebSocket wants to speak inside; none otherwise. */
export function tunneledProtocols(client: UpgradeRequest): string[] {
  return offeredProtocols(client.request)
    .filter((name) => name.startsWith(tunnelPrefix))
    .map((name) => name.slice(tunnelPrefix.length));
}

/** Carries SPDY between a client's WebSocket and the kubelet; gives back the kubelet's refusal. */
export async function tunnelSpdy(
  client: UpgradeRequest,
  connection: Duplex,
  { path, host }: { readonly path: string; readonly host: string },
): Promise<HttpAnswer | undefined> {
  const protocols = tunneledProtocols(client);
  const answer = await callOver(connection, {
    method: 'POST',
    path,
    headers: {
      host,
      connection: 'Upgrade',
      upgrade: 'SPDY/3.1',
      'x-stream-protocol-version': protocols,
      'content-length': '0',
    },
  });
  if (!isUpgraded(answer)) return answer;
  const { socket, head, headers } = answer;
  const chosen = String(headers['x-stream-protocol-version'] ?? protocols[0]);
  const websocket = await acceptWebSocket(client, tunnelPrefix + chosen);
  const stream = createWebSocketStream(websocket);
  if (head.length > 0) stream.write(head);
  splice(stream, socket);
  return undefined;
}
