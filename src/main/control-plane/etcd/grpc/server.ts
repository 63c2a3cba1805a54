import {
  createSecureServer,
  createServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Log } from '#shared/base/log.ts';
import { frame, framePrefixBytes, FrameReader } from './frames.ts';
import { decode, encode, type MessageType } from './protobuf.ts';
import { encodeMessage, GrpcError, grpcStatus } from './status.ts';

/** One method of a service: `call` it once a client has called it. */
export interface Method {
  readonly path: string;
  readonly call: (stream: ServerHttp2Stream, toError: ToGrpcError) => void;
}

/** Says what a client is told of an error. */
export type ToGrpcError = (error: unknown) => GrpcError;

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
        if (stream.destroyed || stream.headersSent) return;
        const message = frame(encode(answer, response, framePrefixBytes));
        stream.respond(responseHeaders, withTrailers);
        stream.once('wantTrailers', () => stream.sendTrailers(okTrailers));
        stream.end(message);
      };
      const refuse = (error: unknown): void => finish(stream, toError(error));
      stream.on('data', (chunk: Buffer) => {
        try {
          for (const message of frames.push(chunk)) {
            if (asked) throw new GrpcError(grpcStatus.internal, 'grpc: more than one request');
            asked = true;
            handle(decode(question, message)).then(reply, refuse);
          }
        } catch (error) {
          refuse(error);
        }
      });
      stream.on('end', () => {
        if (!asked) refuse(new GrpcError(grpcStatus.internal, 'grpc: the request is missing'));
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
      let failure: GrpcError | undefined;
      stream.respond(responseHeaders, withTrailers);
      stream.once('wantTrailers', () => stream.sendTrailers(trailersOf(failure)));
      const end = (error?: unknown): void => {
        failure ??= error === undefined ? undefined : toError(error);
        if (!stream.writableEnded && !stream.destroyed) stream.end();
      };
      handle({
        onMessage: (receive) => {
          stream.on('data', (chunk: Buffer) => {
            try {
              for (const message of frames.push(chunk)) receive(decode(question, message));
            } catch (error) {
              end(error);
            }
          });
        },
        onEnd: (receive) => stream.on('end', receive),
        onClose: (receive) => stream.on('close', receive),
        onDrain: (receive) => stream.on('drain', receive),
        write: (response) => {
          if (stream.writableEnded || stream.destroyed) return true;
          stream.write(frame(encode(answer, response, framePrefixBytes)));
          return stream.writableLength < mostQueuedBytes;
        },
        end,
      });
    },
  };
}

/** What a call may have waiting for its client before that counts as not keeping up. */
const mostQueuedBytes = 1024 * 1024;

const withTrailers = { waitForTrailers: true };
const responseHeaders = Object.freeze({ ':status': 200, 'content-type': 'application/grpc' });
const okTrailers = Object.freeze({ 'grpc-status': '0' });

function trailersOf(failure: GrpcError | undefined): Record<string, string> {
  if (!failure) return okTrailers;
  const { status, message } = failure;
  return { 'grpc-status': `${status}`, 'grpc-message': encodeMessage(message) };
}

/** Ends a call that has not been answered yet. */
function finish(stream: ServerHttp2Stream, failure: GrpcError): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ...responseHeaders, ...trailersOf(failure) }, { endStream: true });
}

export interface GrpcServerOptions {
  readonly host: string;
  readonly port: number;
  /** Without it the server speaks in the clear: for loopback in tests and measurements. */
  readonly tls?: TlsMaterial;
  readonly methods: readonly Method[];
  readonly toError: ToGrpcError;
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

const settings = { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 0x7fffffff };

/** Serves gRPC over HTTP/2. Disposing ends every call. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host, port, tls, log, toError } = options;
  const methods = new Map(options.methods.map((method) => [method.path, method]));
  const server: Http2Server = tls
    ? createSecureServer({
        settings,
        ca: tls.ca,
        cert: tls.certificate,
        key: tls.key,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
      })
    : createServer({ settings });
  const sessions = new Set<Http2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.setLocalWindowSize(16 * 1024 * 1024);
    session.on('close', () => sessions.delete(session));
    // What goes wrong with a connection is for its client to notice.
    session.on('error', (error) => log.debug('A connection failed', { error }));
  });
  server.on('stream', (stream, headers) => answer(stream, headers, { methods, toError, log }));
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
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

function answer(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  context: {
    readonly methods: ReadonlyMap<string, Method>;
    readonly toError: ToGrpcError;
    readonly log: Log;
  },
): void {
  const path = headers[':path'] ?? '';
  stream.on('error', (error) => context.log.debug('A call failed', { path, error }));
  if (!headers['content-type']?.startsWith('application/grpc')) {
    stream.respond({ ':status': 415 }, { endStream: true });
    return;
  }
  const method = context.methods.get(path);
  if (method) method.call(stream, context.toError);
  else finish(stream, unknownMethod(path));
}

/** In the words of gRPC's own Go server. */
function unknownMethod(path: string): GrpcError {
  const [, service = '', method = ''] = path.split('/');
  return new GrpcError(grpcStatus.unimplemented, `unknown method ${method} for service ${service}`);
}
