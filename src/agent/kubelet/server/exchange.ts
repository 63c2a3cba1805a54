import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** One authorized request to the kubelet. */
export interface KubeletRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** What the path's variables stand for, in their order. */
  readonly parts: readonly string[];
  readonly incoming: IncomingMessage;
  /** Present where the client wants the connection to become something else. */
  readonly upgrade: { readonly socket: Duplex; readonly head: Buffer } | undefined;
  /** Aborted when the client has gone away, or the server ends. */
  readonly signal: AbortSignal;
}

export interface KubeletAnswer {
  readonly code: number;
  /** None where upstream names none. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/** Answers, or took the connection over and answers nothing. */
export type Handler = (
  request: KubeletRequest,
) => KubeletAnswer | undefined | Promise<KubeletAnswer | undefined>;

export const plain = 'text/plain; charset=utf-8';

export function text(code: number, body: string): KubeletAnswer {
  return { code, type: plain, body };
}

export function json(value: unknown): KubeletAnswer {
  return { code: 200, type: 'application/json', body: JSON.stringify(value) };
}

/** As Go's `http.Redirect`. */
export function redirect(location: string): KubeletAnswer {
  return {
    code: 307,
    type: 'text/html; charset=utf-8',
    headers: { location },
    body: `<a href="${location}">Temporary Redirect</a>.\n\n`,
  };
}
