import type { Readable } from 'node:stream';
import type { Query } from '#main/control-plane/apiserver/request/request-info.ts';

export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;
export type ResponseHeaders = Record<string, string | number | readonly string[]>;

/** One HTTP request and its answer, whichever version of HTTP it came by. */
export interface Exchange {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: Query;
  /** The query as it was sent. */
  readonly search: string;
  /** Lower-case names. */
  readonly headers: RequestHeaders;
  /** DER of the client's chain, leaf first; the same array for all requests of a connection. */
  readonly certificates: readonly Uint8Array[] | undefined;
  readonly remoteAddress: string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** What was sent along, as it comes. */
  readonly body: Readable;
  /** Throws `RequestEntityTooLarge` beyond the limit. */
  readBody(limitBytes: number): Promise<Buffer>;
  send(code: number, headers: ResponseHeaders, body: Uint8Array | string): void;
  /** Sends the headers at once; the body follows bit by bit. */
  open(code: number, headers: ResponseHeaders): ResponseStream;
}

export interface ResponseStream {
  write(chunk: Uint8Array): void;
  /** Resolves when the client took what waits, or went away; absent: there is room already. */
  room(): Promise<void> | undefined;
  /** Bytes that wait for the client. */
  readonly pendingBytes: number;
  end(): void;
  /** Gives the stream up: what waits is not sent. */
  destroy(): void;
  onClose(listener: () => void): void;
}

/** The first value of a parameter counts, as in upstream's decoding of options. */
export function parseQuery(search: string): Query {
  if (search === '') return noQuery;
  const query: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [key, value] of new URLSearchParams(search)) query[key] ??= value;
  return query;
}

const noQuery: Query = Object.freeze({});

export function headerOf(headers: RequestHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' || value === undefined ? value : value[0];
}
