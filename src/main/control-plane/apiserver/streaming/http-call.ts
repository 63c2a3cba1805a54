import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';

export interface HttpCall {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Says the host, too. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Readable | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly code: number;
  /** Lower-case names. */
  readonly headers: IncomingMessage['headers'];
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly body: Readable;
}

/** The other side agreed to speak something else from now on. */
export interface Upgraded {
  readonly code: 101;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly socket: Duplex;
  /** What came right behind the answer. */
  readonly head: Buffer;
}

/** One HTTP/1.1 request over a connection that serves nothing else and ends with its answer. */
export function callOver(connection: Duplex, call: HttpCall): Promise<HttpAnswer | Upgraded> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer | Upgraded>();
  const { method, path, headers, body, signal } = call;
  const request = httpRequest({
    method,
    path,
    headers: {
      ...(headers as Record<string, string | string[]>),
      ...(body && headers['content-length'] === undefined && { 'transfer-encoding': 'chunked' }),
    },
    createConnection: () => connection,
    ...(signal && { signal }),
  });
  request.once('response', (response) => {
    const { statusCode: code = 0, rawHeaders } = response;
    resolve({ code, headers: response.headers, rawHeaders, body: response });
  });
  request.once('upgrade', ({ headers: answered, rawHeaders }, socket, head) => {
    resolve({ code: 101, headers: answered, rawHeaders, socket, head });
  });
  request.on('error', (error) => {
    connection.destroy();
    reject(error);
  });
  if (body) {
    body.on('error', () => request.destroy());
    body.pipe(request);
  } else request.end();
  return promise;
}

export function isUpgraded(answer: HttpAnswer | Upgraded): answer is Upgraded {
  return answer.code === 101;
}
