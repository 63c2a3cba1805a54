import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import type { Log } from '#shared/base/log.ts';
import { frame, framePrefixBytes, FrameReader } from './frames.ts';
import { ServerConnection } from '#main/http2/connection.ts';
import { writeHeaders } from '#main/http2/hpack/writer.ts';
import type { ServerStream } from '#main/http2/stream.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { MessageType } from '#shared/base/protobuf.ts';
import { decode, encode } from './protobuf.ts';
import { encodeMessage, GrpcError, grpcStatus } from './status.ts';

/** One method of a service: `call` it once a client has called it. */
export interface Method {
  readonly path: string;
  readonly call: (stream: ServerStream, toError: ToGrpcError) => void;
}

/** Says what a client is told of an error. */
type ToGrpcError = (error: unknown) => GrpcError;

/** One request, one answer. */
export function unary<Q, A>(
  path: string,
  [question, answer]: readonly [MessageType<Q>, MessageType<A>],
  handle: (request: Q) => Promise<Partial<A>>,
): Method {
  return {
    path,
    call: (stream, toError) => {
      const frames = new FrameReader();
      let asked = false;
      const reply = (response: Partial<A>): void => {
        stream.respond(responseHeaders);
        stream.end(frame(encode(answer, response, framePrefixBytes)), okTrailers);
      };
      const refuse = (error: unknown): void => end(stream, toError(error));
      stream.read({
        data: (chunk) => {
          try {
            for (const message of frames.push(chunk)) {
              if (asked) throw new GrpcError(grpcStatus.internal, 'grpc: more than one request');
              asked = true;
              handle(decode(question, message)).then(reply).catch(refuse);
            }
          } catch (error) {
            refuse(error);
          }
        },
        end: () => {
          if (!asked) refuse(new GrpcError(grpcStatus.internal, 'grpc: the request is missing'));
        },
      });
    },
  };
}

/** A call with many answers, and possibly many requests. */
export interface Call<Q, A> {
  readonly onMessage: (receive: (request: Q) => void) => void;
  /** The client has no more requests. */
  readonly onEnd: (receive: () => void) => void;
  /** The call is over, whoever ended it. */
  readonly onClose: (receive: () => void) => void;
  /** Returns whether the client keeps up; if not, `onDrain` tells when it has caught up. */
  readonly write: (response: Partial<A>) => boolean;
  readonly onDrain: (receive: () => void) => void;
  /** Ends the call: well, or with an error. */
  readonly end: (error?: unknown) => void;
}

export function streaming<Q, A>(
  path: string,
  [question, answer]: readonly [MessageType<Q>, MessageType<A>],
  handle: (call: Call<Q, A>) => void,
): Method {
  return {
    path,
    call: (stream, toError) => {
      const frames = new FrameReader();
      const receivers = {
        message: ignore as (request: Q) => void,
        end: ignore,
        close: ignore,
        drain: ignore,
      };
      stream.respond(responseHeaders);
      const finish = (error?: unknown): void =>
        end(stream, error === undefined ? undefined : toError(error));
      stream.onClose(() => receivers.close());
      stream.onDrain(() => receivers.drain());
      handle({
        onMessage: (receive) => (receivers.message = receive),
        onEnd: (receive) => (receivers.end = receive),
        onClose: (receive) => (receivers.close = receive),
        onDrain: (receive) => (receivers.drain = receive),
        write: (response) => {
          stream.write(frame(encode(answer, response, framePrefixBytes)));
          return stream.queuedBytes < mostQueuedBytes;
        },
        end: finish,
      });
      stream.read({
        data: (chunk) => {
          try {
            for (const message of frames.push(chunk)) receivers.message(decode(question, message));
          } catch (error) {
            finish(error);
          }
        },
        end: () => receivers.end(),
      });
    },
  };
}

function ignore(): void {}

/** What a call may have waiting for its client before that counts as not keeping up. */
const mostQueuedBytes = 1024 * 1024;

const responseHeaders = writeHeaders([
  [':status', 200],
  ['content-type', 'application/grpc'],
]);
const okTrailers = writeHeaders([['grpc-status', 0]]);

function end(stream: ServerStream, error: GrpcError | undefined): void {
  const trailers = error ? trailersOf(error) : okTrailers;
  if (stream.hasResponded) stream.end(undefined, trailers);
  else stream.respond(Buffer.concat([responseHeaders, trailers]), { isLast: true });
}

function trailersOf({ status, message }: GrpcError): Buffer {
  return writeHeaders([
    ['grpc-status', status],
    ['grpc-message', encodeMessage(message)],
  ]);
}

const streamWindowBytes = 2 * 1024 * 1024;
const connectionWindowBytes = 16 * 1024 * 1024;
/** As etcd: all that HTTP/2 can say. */
const maxConcurrentStreams = 0xffffffff;

export interface GrpcServerOptions {
  readonly host: string;
  readonly port: number;
  /** Without it the server speaks in the clear: for loopback in tests and measurements. */
  readonly tls?: TlsMaterial;
  readonly methods: readonly Method[];
  readonly toError: ToGrpcError;
  readonly clock: Clock;
  readonly log: Log;
}

/** PEM: our own certificate and key, and the authority whose certificates others must show. */
export interface TlsMaterial {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export interface GrpcServer extends AsyncDisposable {
  readonly port: number;
}

/** Serves gRPC over HTTP/2. Disposing ends every call. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host, port, clock, log, toError } = options;
  const methods = new Map(options.methods.map((method) => [method.path, method]));
  const connections = new Map<Socket, ServerConnection>();
  const server = listen(options, (socket) => {
    socket.setNoDelay(true);
    // What goes wrong with a connection is for its client to notice.
    socket.on('error', (error) => log.debug('A connection failed', { error }));
    socket.on('close', () => connections.delete(socket));
    const connection = new ServerConnection(socket, {
      streamWindowBytes,
      connectionWindowBytes,
      maxConcurrentStreams,
      mostDiscardedBytes: 0,
      elapsed: () => clock.elapsed(),
      accept: (stream) => {
        const path = String(stream.headers[':path']);
        const method = methods.get(path);
        if (method) method.call(stream, toError);
        else end(stream, unknownMethod(path));
      },
      failed: (error) => log.debug('A client broke the rules of HTTP/2', { error }),
    });
    connections.set(socket, connection);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const connection of connections.values()) connection.destroy();
      await closed;
    },
  };
}

function listen({ tls }: GrpcServerOptions, connected: (socket: Socket) => void): Server {
  if (!tls) return createServer(connected);
  const { ca, certificate, key } = tls;
  return createTlsServer(
    {
      ca,
      cert: certificate,
      key,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2'],
    },
    connected,
  );
}

/** In the words of gRPC's own Go server. */
function unknownMethod(path: string): GrpcError {
  const [, service = '', method = ''] = path.split('/');
  return new GrpcError(grpcStatus.unimplemented, `unknown method ${method} for service ${service}`);
}
