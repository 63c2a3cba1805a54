import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { parseQuery, type Exchange } from '#main/control-plane/apiserver/http/exchange.ts';
import type { Peer } from '#main/control-plane/apiserver/http/http2-exchange.ts';
import type { ApiError } from '#shared/kube/errors.ts';

/** A request to upgrade, as far as it is one like others: it has no body and no answer of ours. */
export function upgradeExchange(request: IncomingMessage, peer: Peer): Exchange {
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const search = mark < 0 ? '' : target.slice(mark + 1);
  const refuse = (): never => {
    throw new Error('A connection that is upgraded is answered by the node');
  };
  return {
    method: request.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: parseQuery(search),
    search,
    headers: request.headers,
    certificates: peer.certificates,
    remoteAddress: peer.remoteAddress,
    signal: new AbortController().signal,
    readBody: () => Promise.resolve(Buffer.alloc(0)),
    send: refuse,
    open: refuse,
  };
}

export function textHeaders(headers: Exchange['headers']): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return result;
}

/** A refusal in plain HTTP, with the Status that every refusal carries. */
export function refuseUpgrade(socket: Duplex, error: ApiError): void {
  const body = `${JSON.stringify(error.toStatus())}\n`;
  socket.end(
    [
      `HTTP/1.1 ${error.code} ${error.reason || 'Error'}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
