import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  parseQuery,
  type Exchange,
  type RequestHeaders,
  type ResponseHeaders,
  type ResponseStream,
} from '#main/control-plane/apiserver/http/exchange.ts';
import type { Peer } from '#main/control-plane/apiserver/http/http2-exchange.ts';
import { roomIn } from '#main/control-plane/apiserver/http/room.ts';
import { readAll } from '#main/control-plane/apiserver/http/read-all.ts';

/** One request of an HTTP/1.1 connection. */
export function http1Exchange(
  request: IncomingMessage,
  response: ServerResponse,
  peer: Peer,
): Exchange {
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const search = mark < 0 ? '' : target.slice(mark + 1);
  let abort: AbortController | undefined;
  return {
    method: request.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: parseQuery(search),
    search,
    headers: headersOf(request),
    certificates: peer.certificates,
    remoteAddress: peer.remoteAddress,
    get signal() {
      if (!abort) {
        const controller = new AbortController();
        abort = controller;
        const gone = (): void => controller.abort(new Error('The client has gone away'));
        if (response.destroyed) gone();
        else response.once('close', gone);
      }
      return abort.signal;
    },
    body: request,
    readBody: (limitBytes) => readAll(request, request.headers['content-length'], limitBytes),
    send(code, headers, body) {
      if (response.destroyed) return;
      response.writeHead(code, { ...plain(headers), 'content-length': Buffer.byteLength(body) });
      response.end(body);
      if (!request.readableEnded) request.resume();
    },
    open: (code, headers) => openStream(response, code, headers),
  };
}

/** Every group that somebody asks to be in is a header of its own. */
function headersOf(request: IncomingMessage): RequestHeaders {
  const { headers } = request;
  const lists = Object.keys(headers).filter((name) => name.startsWith('impersonate-'));
  if (lists.length === 0) return headers;
  const { headersDistinct } = request;
  return { ...headers, ...Object.fromEntries(lists.map((name) => [name, headersDistinct[name]])) };
}

function openStream(
  response: ServerResponse,
  code: number,
  headers: ResponseHeaders,
): ResponseStream {
  response.writeHead(code, plain(headers));
  response.flushHeaders();
  return {
    write(chunk) {
      if (!response.destroyed && !response.writableEnded) response.write(chunk);
    },
    room: () => roomIn(response),
    get pendingBytes() {
      return response.writableLength;
    },
    end: () => void response.end(),
    destroy: () => void response.destroy(),
    onClose(listener) {
      if (response.destroyed) listener();
      else response.once('close', listener);
    },
  };
}

type PlainHeaders = Record<string, string | number | string[]>;

function plain(headers: ResponseHeaders): PlainHeaders {
  return headers as PlainHeaders;
}
