import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import type { Clock } from '#shared/base/clock.ts';
import type { Decoded, MessageType } from '#shared/base/protobuf.ts';
import { framed, framePrefixBytes, FrameReader } from './frames.ts';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import { decode, encode } from './protobuf.ts';

export interface GrpcMethod<Q, A> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: MessageType<Q>;
  readonly response: MessageType<A>;
}

export interface GrpcClientOptions {
  /** A URL such as `unix:///run/containerd/containerd.sock`, or `ADDRESS:PORT`. */
  readonly target: string;
  readonly clock: Clock;
  readonly userAgent?: string;
}

export interface GrpcCallOptions {
  /** Aborting ends the call with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** For ever unless stated. */
  readonly timeoutMs?: number;
}

const windowBytes = 1024 * 1024;
/** gRPC writes timeouts with up to eight digits. */
const longestTimeout = 99_999_999;

/**
 * gRPC without TLS, to one server, over one connection: made when a call needs it, and made anew after
 * it was lost. A call that cannot be made or is not answered fails at once with a `GrpcError`.
 */
export class GrpcClient implements Disposable {
  readonly #options: GrpcClientOptions;
  #session: ClientHttp2Session | undefined;

  constructor(options: GrpcClientOptions) {
    this.#options = options;
  }

  /** One request, one answer. */
  async unary<Q, A>(
    method: GrpcMethod<Q, A>,
    request: Partial<Q>,
    options: GrpcCallOptions = {},
  ): Promise<Decoded<A>> {
    try {
      return await this.#once(method, request, options);
    } catch (error) {
      if (!(error instanceof RefusedStream)) throw error;
      // The connection is about to end: nothing has been done, and a new one can be made.
      this.#session = undefined;
      return await this.#once(method, request, options);
    }
  }

  /** One request, answers until the server has no more; leaving the loop ends the call. */
  async *stream<Q, A>(
    { path, request: question, response }: GrpcMethod<Q, A>,
    request: Partial<Q>,
    { signal, timeoutMs = Infinity }: GrpcCallOptions = {},
  ): AsyncGenerator<Decoded<A>, void> {
    signal?.throwIfAborted();
    const { clock, userAgent = 'pilothouse' } = this.#options;
    const isLimited = Number.isFinite(timeoutMs);
    const stream = this.#connection().request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': userAgent,
      ...(isLimited && {
        'grpc-timeout': `${Math.min(Math.max(1, Math.trunc(timeoutMs)), longestTimeout)}m`,
      }),
    });
    const call = new Call(stream, this.#options.target);
    using _timeout = isLimited
      ? clock.after(timeoutMs, () =>
          call.fail(new GrpcError(grpcStatus.deadlineExceeded, 'context deadline exceeded')),
        )
      : undefined;
    const abort = (): void => call.fail(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    stream.end(framed(encode(question, request, framePrefixBytes)));
    try {
      for await (const message of call.messages()) yield decode(response, message) as Decoded<A>;
    } finally {
      signal?.removeEventListener('abort', abort);
      stream.close(constants.NGHTTP2_CANCEL);
    }
  }

  [Symbol.dispose](): void {
    this.#session?.destroy();
  }

  async #once<Q, A>(
    method: GrpcMethod<Q, A>,
    request: Partial<Q>,
    options: GrpcCallOptions,
  ): Promise<Decoded<A>> {
    let answer: Decoded<A> | undefined;
    for await (const message of this.stream(method, request, options)) answer = message;
    if (answer !== undefined) return answer;
    throw new GrpcError(grpcStatus.internal, `${method.path} was not answered`);
  }

  #connection(): ClientHttp2Session {
    const known = this.#session;
    if (known && !known.closed && !known.destroyed) return known;
    const session = connect('http://localhost', {
      createConnection: () => socketTo(this.#options.target),
      settings: { enablePush: false, initialWindowSize: windowBytes },
    });
    session.on('error', () => {}); // each open call is told, too
    session.once('connect', () => session.setLocalWindowSize(windowBytes));
    this.#session = session;
    return session;
  }
}

/** The other side has not begun with the call: it may be made again. */
class RefusedStream extends GrpcError {}

/** What comes back on one stream, until the server has said how the call ended. */
class Call {
  readonly #stream: ClientHttp2Stream;
  readonly #target: string;
  readonly #closed = Promise.withResolvers<void>();
  #failure: Error | undefined;
  #hasEnded = false;

  constructor(stream: ClientHttp2Stream, target: string) {
    this.#stream = stream;
    this.#target = target;
    stream.once('response', (headers) => this.#open(headers));
    stream.once('trailers', (trailers) => this.#note(trailers));
    stream.once('close', () => this.#closed.resolve());
    stream.on('error', (error) => this.#break(error));
  }

  /** Ends the call for a reason of this side's. */
  fail(reason: Error): void {
    if (this.#hasEnded) return;
    this.#failure ??= reason;
    this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#stream.destroy();
  }

  async *messages(): AsyncGenerator<Buffer, void> {
    const frames = new FrameReader();
    try {
      for await (const chunk of this.#stream as AsyncIterable<Buffer>) yield* frames.push(chunk);
    } catch (error) {
      this.#break(error as Error);
    }
    if (!this.#hasEnded) await this.#closed.promise;
    if (this.#failure) throw this.#failure;
    if (!this.#hasEnded)
      throw new GrpcError(grpcStatus.unavailable, 'error reading from server: EOF');
  }

  #open(headers: IncomingHttpHeaders): void {
    const code = Number((headers as { ':status'?: number })[':status']);
    if (code === 200) return this.#note(headers);
    this.#failure ??= new GrpcError(
      byHttpStatus[code] ?? grpcStatus.unknown,
      `unexpected HTTP status code received from server: ${code}`,
    );
  }

  #note(headers: IncomingHttpHeaders): void {
    const code = headers['grpc-status'];
    if (code === undefined) return;
    this.#hasEnded = true;
    const status = Number(code);
    if (status === grpcStatus.ok) return;
    this.#failure ??= new GrpcError(status, unescaped(String(headers['grpc-message'] ?? '')));
  }

  #break(error: NodeJS.ErrnoException): void {
    this.#failure ??= error instanceof GrpcError ? error : this.#broken(error);
  }

  /** What breaks a connection cancels the streams on it, and stands behind their errors. */
  #broken(error: NodeJS.ErrnoException): GrpcError {
    const cause = (error.cause ?? error) as NodeJS.ErrnoException;
    const options = { cause };
    if (cause.syscall === 'connect') {
      const words = systemWords[cause.code ?? ''] ?? cause.message;
      const why = `transport: Error while dialing: dial ${dialled(this.#target)}: connect: ${words}`;
      return new GrpcError(grpcStatus.unavailable, `connection error: desc = "${why}"`, options);
    }
    const reset = error.code === 'ERR_HTTP2_STREAM_ERROR' ? (this.#stream.rstCode ?? 0) : 0;
    if (reset === constants.NGHTTP2_REFUSED_STREAM)
      return new RefusedStream(grpcStatus.unavailable, cause.message, options);
    const status = byResetCode[reset];
    return new GrpcError(status ?? grpcStatus.unavailable, cause.message, options);
  }
}

function socketTo(target: string): Socket {
  const path = pathOf(target);
  if (path !== undefined) return connectSocket({ path });
  const colon = target.lastIndexOf(':');
  const host = target.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return connectSocket({ host, port: Number(target.slice(colon + 1)), noDelay: true });
}

function pathOf(target: string): string | undefined {
  return target.startsWith('unix:') ? target.replace(/^unix:(\/\/)?/, '') : undefined;
}

function dialled(target: string): string {
  const path = pathOf(target);
  return path === undefined ? `tcp ${target}` : `unix ${path}`;
}

/** As Go says what the system refuses. */
const systemWords: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  EACCES: 'permission denied',
};

/** gRPC's table for answers of what is no gRPC server. */
const byHttpStatus: Readonly<Record<number, number>> = {
  400: grpcStatus.internal,
  401: grpcStatus.unauthenticated,
  403: grpcStatus.permissionDenied,
  404: grpcStatus.unimplemented,
  429: grpcStatus.unavailable,
  502: grpcStatus.unavailable,
  503: grpcStatus.unavailable,
  504: grpcStatus.unavailable,
};

/** gRPC's table for streams that are reset without a status. */
const byResetCode: Readonly<Record<number, number>> = {
  [constants.NGHTTP2_PROTOCOL_ERROR]: grpcStatus.internal,
  [constants.NGHTTP2_INTERNAL_ERROR]: grpcStatus.internal,
  [constants.NGHTTP2_FLOW_CONTROL_ERROR]: grpcStatus.internal,
  [constants.NGHTTP2_CANCEL]: grpcStatus.cancelled,
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: grpcStatus.resourceExhausted,
};

/** What is not printable ASCII is percent-encoded in a status message. */
function unescaped(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    // Not what the protocol asks for, but better read as it is than not at all.
    return message;
  }
}
