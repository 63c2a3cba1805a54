import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';
import type { Clock } from '#shared/base/clock.ts';
import { frame, framePrefixBytes, FrameReader } from './frames.ts';
import type { MessageType } from '#shared/base/protobuf.ts';
import { decode, encode } from './protobuf.ts';
import type { TlsMaterial } from './server.ts';
import { decodeMessage, GrpcError, grpcStatus } from './status.ts';

export interface GrpcClientOptions {
  /** `https://host:port` or `http://host:port`; any of them will do. */
  readonly endpoints: readonly string[];
  readonly tls?: Partial<TlsMaterial>;
  readonly clock: Clock;
  /** How long a unary call, and a connection being made, may take. */
  readonly timeoutMs: number;
}

export type Types<Q, A> = readonly [MessageType<Q>, MessageType<A>];

export interface ClientCall<Q> {
  readonly write: (request: Partial<Q>) => void;
  /** There are no more requests. */
  readonly end: () => void;
  /** Nothing more is wanted: the receiver hears no more. */
  readonly cancel: () => void;
}

export interface CallReceiver<A> {
  readonly message: (response: A) => void;
  /** The call is over; without an error it ended well. */
  readonly end: (error?: GrpcError) => void;
}

const keepAliveMs = 10_000;
const windowBytes = 16 * 1024 * 1024;

/** Calls to one of several servers that are equal; when a connection fails the next one is tried. */
export class GrpcClient implements Disposable {
  readonly #options: GrpcClientOptions;
  #session: ClientHttp2Session | undefined;
  #connecting: Promise<ClientHttp2Session> | undefined;
  #endpoint = 0;
  #keepAlive: Disposable | undefined;
  #isOver = false;

  constructor(options: GrpcClientOptions) {
    this.#options = options;
  }

  /** One request, one answer. Throws `GrpcError`. */
  async unary<Q, A>(path: string, types: Types<Q, A>, request: Partial<Q>): Promise<A> {
    const { promise, resolve, reject } = Promise.withResolvers<A>();
    let answer: { readonly response: A } | undefined;
    const call = await this.stream(path, types, {
      message: (response) => {
        answer = { response };
      },
      end: (error) => {
        if (error) reject(error);
        else if (answer) resolve(answer.response);
        else reject(new GrpcError(grpcStatus.internal, `${path} was not answered`));
      },
    });
    const { clock, timeoutMs } = this.#options;
    using _timeout = clock.after(timeoutMs, () => {
      reject(
        new GrpcError(grpcStatus.deadlineExceeded, `${path} took longer than ${timeoutMs} ms`),
      );
      call.cancel();
    });
    call.write(request);
    call.end();
    return await promise;
  }

  /** Begins a call with any number of requests and answers. */
  async stream<Q, A>(
    path: string,
    [question, answer]: Types<Q, A>,
    receiver: CallReceiver<A>,
  ): Promise<ClientCall<Q>> {
    const session = await this.#connected();
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    follow(stream, (message) => receiver.message(decode(answer, message)), receiver.end);
    return {
      write: (request) => {
        if (!stream.writable) return;
        stream.write(frame(encode(question, request, framePrefixBytes)));
      },
      end: () => void stream.end(),
      cancel: () => {
        stream.removeAllListeners();
        stream.on('error', () => {});
        stream.close(constants.NGHTTP2_CANCEL);
      },
    };
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#drop(this.#session);
  }

  #connected(): Promise<ClientHttp2Session> {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) {
      return Promise.resolve(this.#session);
    }
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<ClientHttp2Session> {
    const { endpoints } = this.#options;
    const failures: string[] = [];
    for (let tries = 0; tries < endpoints.length; tries++) {
      const endpoint = endpoints[this.#endpoint % endpoints.length]!;
      try {
        this.#session = await this.#open(endpoint);
        this.#watchOver(this.#session);
        return this.#session;
      } catch (error) {
        failures.push(`${endpoint}: ${(error as Error).message}`);
        this.#endpoint++;
      }
    }
    throw new GrpcError(grpcStatus.unavailable, `Cannot reach etcd at ${failures.join('; ')}`);
  }

  async #open(endpoint: string): Promise<ClientHttp2Session> {
    const { tls = {}, clock, timeoutMs } = this.#options;
    if (this.#isOver) throw new Error('the client has been closed');
    const session = connect(endpoint, {
      settings: { initialWindowSize: windowBytes, enablePush: false },
      ...(tls.ca !== undefined && { ca: tls.ca }),
      ...(tls.certificate !== undefined && { cert: tls.certificate }),
      ...(tls.key !== undefined && { key: tls.key }),
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    using _timeout = clock.after(timeoutMs, () => session.destroy(new Error('no answer')));
    session.on('connect', () => resolve());
    session.on('error', reject);
    session.on('close', () => reject(new Error('the connection was closed')));
    await promise;
    session.setLocalWindowSize(windowBytes);
    return session;
  }

  /** A connection that has died without saying so is noticed by its silence. */
  #watchOver(session: ClientHttp2Session): void {
    session.on('close', () => this.#drop(session));
    const ping = (): void => {
      this.#keepAlive = this.#options.clock.after(keepAliveMs, () => {
        let heard = false;
        if (session.destroyed) return;
        session.ping(() => {
          heard = true;
        });
        this.#keepAlive = this.#options.clock.after(keepAliveMs / 2, () => {
          if (heard) ping();
          else session.destroy();
        });
      });
    };
    ping();
  }

  #drop(session: ClientHttp2Session | undefined): void {
    if (!session || session !== this.#session) return;
    this.#keepAlive?.[Symbol.dispose]();
    this.#session = undefined;
    this.#endpoint++;
    session.destroy();
  }
}

function follow(
  stream: ClientHttp2Stream,
  receive: (message: Buffer) => void,
  finished: (error?: GrpcError) => void,
): void {
  const frames = new FrameReader();
  let status: GrpcError | undefined;
  let isOver = false;
  const finish = (error?: GrpcError): void => {
    if (isOver) return;
    isOver = true;
    finished(error);
  };
  const note = (headers: IncomingHttpHeaders): void => {
    const code = headers['grpc-status'];
    if (code === undefined) return;
    const message = decodeMessage(String(headers['grpc-message'] ?? ''));
    status = new GrpcError(Number(code), message);
  };
  stream.on('response', (headers) => {
    note(headers);
    if (headers[':status'] === 200) return;
    status = new GrpcError(grpcStatus.unavailable, `HTTP status ${headers[':status']}`);
  });
  stream.on('trailers', note);
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const message of frames.push(chunk)) receive(message);
    } catch (error) {
      finish(error instanceof GrpcError ? error : garbled(error));
      stream.close(constants.NGHTTP2_CANCEL);
    }
  });
  stream.on('error', (error: Error) =>
    finish(new GrpcError(grpcStatus.unavailable, error.message)),
  );
  stream.on('close', () => {
    if (!status) finish(new GrpcError(grpcStatus.unavailable, 'The connection was lost'));
    else finish(status.status === grpcStatus.ok ? undefined : status);
  });
}

function garbled(error: unknown): GrpcError {
  return new GrpcError(grpcStatus.internal, 'The answer cannot be understood', { cause: error });
}
