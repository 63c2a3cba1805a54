import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { SecureContextOptions } from 'node:tls';
import type { Clock } from '#shared/base/clock.ts';
import type { HttpExchange, HttpRequest, HttpResponse } from '#shared/client/http-transport.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface Http2ExchangeOptions {
  readonly server: { readonly host: string; readonly port: number };
  /** `ca`, `cert` and `key` in PEM; asked anew for each connection, since certificates are renewed. */
  credentials(): SecureContextOptions;
  readonly clock: Clock;
}

/** A silent connection is asked for a sign of life, and given up without one; both as in client-go. */
const idleMs = 30_000;
const pingTimeoutMs = 15_000;
const connectTimeoutMs = 15_000;

/**
 * Requests and watches of a whole agent over one connection, made when first needed and made anew
 * when it is lost; disposing ends it and what is still open on it.
 */
export function createHttp2Exchange(options: Http2ExchangeOptions): Disposable & {
  readonly exchange: HttpExchange;
  /** What is asked from now on goes over a new connection, with the credentials of now. */
  renew(): void;
} {
  const { clock, server } = options;
  /** All that are open, with when each is to be asked for a sign of life. */
  const sessions = new Map<ClientHttp2Session, Disposable>();
  let current: ClientHttp2Session | undefined;

  const open = (): ClientHttp2Session => {
    // The certificate speaks for the cluster's names, whichever way leads to it.
    const session = connect(`https://${server.host}:${server.port}`, {
      ...options.credentials(),
      servername: 'kubernetes.default.svc',
    });
    session.on('error', () => {}); // each open stream is told, too
    // Until it is connected no sign of life can be asked for: a server that only listens is no server.
    const connecting = clock.after(connectTimeoutMs, () =>
      session.destroy(new Error('The server does not answer'), constants.NGHTTP2_CANCEL),
    );
    session.once('connect', () => connecting[Symbol.dispose]());
    session.once('close', () => {
      connecting[Symbol.dispose]();
      sessions.get(session)?.[Symbol.dispose]();
      sessions.delete(session);
      if (current === session) current = undefined;
    });
    watchOver(session);
    return session;
  };
  const watchOver = (session: ClientHttp2Session): void => {
    const beat = clock.after(idleMs, () => {
      if (session.destroyed) return;
      const giveUp = clock.after(pingTimeoutMs, () =>
        session.destroy(new Error('The server does not answer'), constants.NGHTTP2_CANCEL),
      );
      session.ping(() => {
        giveUp[Symbol.dispose]();
        if (!session.destroyed) watchOver(session);
      });
    });
    sessions.set(session, beat);
  };
  return {
    exchange(request) {
      if (!current || current.closed || current.destroyed) current = open();
      return exchangeOn(current, request);
    },
    renew() {
      current?.close();
      current = undefined;
    },
    [Symbol.dispose]() {
      for (const [session, beat] of sessions) {
        beat[Symbol.dispose]();
        session.destroy();
      }
    },
  };
}

async function exchangeOn(
  session: ClientHttp2Session,
  { method, path, headers, body, signal }: HttpRequest,
): Promise<HttpResponse> {
  signal?.throwIfAborted();
  const stream = session.request(
    { ':method': method, ':path': path, ...headers },
    { endStream: body === undefined, ...(signal && { signal }) },
  );
  if (body !== undefined) stream.end(body);
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
  stream.once('response', (answer) =>
    resolve({
      code: Number(answer[':status']),
      contentType: answer['content-type'] ?? '',
      body: pieces(stream, signal),
    }),
  );
  stream.once('error', (cause) => reject(failure(cause, signal)));
  stream.once('close', () => reject(failure(new Error('The connection was closed'), signal)));
  return await promise;
}

/**
 * What comes is taken off the stream at once: with something left in it, a stream that closes does not
 * tell any more whether that was all.
 */
function pieces(stream: ClientHttp2Stream, signal: AbortSignal | undefined): AsyncIterable<string> {
  const taken: string[] = [];
  let outcome: { readonly error?: Error } | undefined;
  let news = Promise.withResolvers<void>();
  const tell = (): void => {
    news.resolve();
    news = Promise.withResolvers();
  };
  const finish = (error?: Error): void => {
    outcome ??= error ? { error } : {};
    tell();
  };
  stream.setEncoding('utf8');
  stream.on('data', (piece: string) => {
    taken.push(piece);
    tell();
  });
  stream.once('end', () => {
    // A lost connection ends the stream as if all had been said.
    const isWhole = stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.destroyed;
    finish(isWhole ? undefined : new Error('The connection was lost'));
  });
  stream.once('error', finish);
  stream.once('close', () => finish(new Error('The connection was lost')));
  return (async function* () {
    try {
      for (;;) {
        const more = news.promise;
        const piece = taken.splice(0).join('');
        if (piece !== '') yield piece;
        else if (!outcome) await more;
        else if (outcome.error) throw failure(outcome.error, signal);
        else return;
      }
    } finally {
      stream.close(constants.NGHTTP2_CANCEL);
    }
  })();
}

function failure(cause: Error, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  return new ApiError(
    'ServiceUnavailable',
    `Cannot reach the API server: ${cause.message}; is the control plane running and connected?`,
    { cause },
  );
}
