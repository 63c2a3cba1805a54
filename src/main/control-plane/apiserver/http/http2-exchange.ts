import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import {
  parseQuery,
  type Exchange,
  type ResponseHeaders,
  type ResponseStream,
} from '#main/control-plane/apiserver/http/exchange.ts';
import { roomIn } from '#main/control-plane/apiserver/http/room.ts';
import { readAll } from '#main/control-plane/apiserver/http/read-all.ts';

export interface Peer {
  readonly certificates: readonly Uint8Array[] | undefined;
  readonly remoteAddress: string;
}

/** One stream of an HTTP/2 connection. */
export function http2Exchange(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  peer: Peer,
): Exchange {
  const target = headers[':path'] ?? '/';
  const mark = target.indexOf('?');
  const search = mark < 0 ? '' : target.slice(mark + 1);
  let abort: AbortController | undefined;
  return {
    method: headers[':method'] ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: parseQuery(search),
    search,
    headers,
    certificates: peer.certificates,
    remoteAddress: peer.remoteAddress,
    get signal() {
      if (!abort) {
        const controller = new AbortController();
        abort = controller;
        const gone = (): void => controller.abort(new Error('The client has gone away'));
        if (stream.destroyed) gone();
        else stream.once('close', gone);
      }
      return abort.signal;
    },
    body: stream,
    readBody: (limitBytes) => readAll(stream, headers['content-length'], limitBytes),
    send(code, more, body) {
      if (stream.destroyed) return;
      stream.respond({ ':status': code, ...more, 'content-length': Buffer.byteLength(body) });
      stream.end(body);
      if (!stream.readableEnded) stream.resume();
    },
    open: (code, more) => openStream(stream, code, more),
  };
}

function openStream(
  stream: ServerHttp2Stream,
  code: number,
  headers: ResponseHeaders,
): ResponseStream {
  if (!stream.destroyed) stream.respond({ ':status': code, ...headers });
  return {
    write(chunk) {
      if (!stream.destroyed && !stream.writableEnded) stream.write(chunk);
    },
    room: () => roomIn(stream),
    get pendingBytes() {
      return stream.writableLength;
    },
    end() {
      if (!stream.destroyed) stream.end();
    },
    destroy: () => stream.close(constants.NGHTTP2_CANCEL),
    onClose(listener) {
      if (stream.destroyed) listener();
      else stream.once('close', listener);
    },
  };
}
