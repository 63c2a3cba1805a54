import { Readable } from 'node:stream';
import {
  parseQuery,
  type Exchange,
  type ResponseHeaders,
  type ResponseStream,
} from '#main/control-plane/apiserver/http/exchange.ts';
import { bodyTooLarge } from '#main/control-plane/apiserver/http/read-all.ts';
import { writeHeaders } from '#main/http2/hpack/writer.ts';
import type { ServerStream } from '#main/http2/stream.ts';

export interface Peer {
  readonly certificates: readonly Uint8Array[] | undefined;
  readonly remoteAddress: string;
}

export interface Http2ExchangeOptions {
  readonly peer: Peer;
  /** For the header of that name. */
  date(): string;
}

/** One stream of an HTTP/2 connection. */
export function http2Exchange(
  stream: ServerStream,
  { peer, date }: Http2ExchangeOptions,
): Exchange {
  const { headers } = stream;
  const target = headers[':path'] as string;
  const mark = target.indexOf('?');
  const search = mark < 0 ? '' : target.slice(mark + 1);
  const method = headers[':method'] as string;
  let abort: AbortController | undefined;
  let body: Readable | undefined;
  const respond = (code: number, more: ResponseHeaders, isLast: boolean): void =>
    stream.respond(headerBlock(code, more, date()), { isLast });
  return {
    method,
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
        stream.onClose(() => controller.abort(new Error('The client has gone away')));
      }
      return abort.signal;
    },
    get body() {
      return (body ??= readableOf(stream));
    },
    readBody: (limitBytes) => readBody(stream, limitBytes),
    send(code, more, content) {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      const isBodiless = method === 'HEAD' || code === 204 || code === 304 || bytes.length === 0;
      respond(code, { ...more, 'content-length': bytes.length }, isBodiless);
      stream.end(bytes);
    },
    open(code, more) {
      respond(code, more, false);
      return openStream(stream);
    },
  };
}

function openStream(stream: ServerStream): ResponseStream {
  let waiting: (() => void)[] = [];
  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  };
  stream.onDrain(wake);
  stream.onClose(wake);
  return {
    write: (chunk) => stream.write(chunk),
    room() {
      if (stream.queuedBytes === 0) return undefined;
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    get pendingBytes() {
      return stream.queuedBytes;
    },
    end: () => stream.end(),
    destroy: () => stream.reset(),
    onClose: (listener) => stream.onClose(listener),
  };
}

/** What HTTP/2 does not have is left out: connections say it by themselves. */
const ofConnections = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade']);

function headerBlock(code: number, headers: ResponseHeaders, date: string): Buffer {
  const list: [name: string, value: string | number][] = [[':status', code]];
  for (const name in headers) {
    const value = headers[name]!;
    if (ofConnections.has(name)) continue;
    if (typeof value === 'string' || typeof value === 'number') list.push([name, value]);
    else for (const one of value) list.push([name, one]);
  }
  if (headers['date'] === undefined) list.push(['date', date]);
  return writeHeaders(list);
}

const empty = Buffer.alloc(0);

/** Throws `RequestEntityTooLarge` beyond the limit. */
function readBody(stream: ServerStream, limitBytes: number): Promise<Buffer> {
  if (Number(stream.headers['content-length']) > limitBytes) {
    return Promise.reject(bodyTooLarge(limitBytes));
  }
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let length = 0;
  stream.read({
    data(chunk) {
      length += chunk.length;
      if (length <= limitBytes) chunks.push(chunk);
      else reject(bodyTooLarge(limitBytes));
    },
    end: () => resolve(chunks.length <= 1 ? (chunks[0] ?? empty) : Buffer.concat(chunks, length)),
  });
  stream.onClose(() => reject(new Error('The client has gone away')));
  return promise;
}

/** The body as it comes, no faster than it is read. */
function readableOf(stream: ServerStream): Readable {
  const readable = new Readable({ read: () => stream.resume() });
  let isComplete = false;
  stream.read({
    data(chunk) {
      if (!readable.push(chunk)) stream.pause();
    },
    end() {
      isComplete = true;
      readable.push(null);
    },
  });
  readable.on('error', () => {}); // who reads hears of it; an answer may need no body
  stream.onClose(() => {
    if (!isComplete) readable.destroy(new Error('The client has gone away'));
  });
  return readable;
}
