import { Client, credentials, type CallOptions, type ServiceError } from '@grpc/grpc-js';
import type { Clock } from '#shared/base/clock.ts';
import type { Decoded, MessageType } from '#shared/base/protobuf.ts';
import { containerEvents, methods, type Method, type Request, type Response } from './methods.ts';
import { decode, encode } from './protobuf.ts';
import { RuntimeError } from './runtime-error.ts';

export interface RuntimeCallOptions {
  readonly signal?: AbortSignal;
  /** Two minutes, upstream's `runtimeRequestTimeout`, unless stated; `Infinity` waits for ever. */
  readonly timeoutMs?: number;
}

type Calls = {
  readonly [K in keyof typeof methods]: (
    request: Request<(typeof methods)[K]>,
    options?: RuntimeCallOptions,
  ) => Promise<Response<(typeof methods)[K]>>;
};

/** What happened to a container or sandbox, with the state of its pod's sandbox and containers. */
export type ContainerEvent = Response<typeof containerEvents>;

/**
 * The Container Runtime Interface, runtime.v1: RuntimeService and ImageService as one. Calls fail
 * with a `RuntimeError`. `exec`, `attach` and `portForward` answer with a URL to stream from.
 */
export interface ContainerRuntime extends Calls, Disposable {
  /** As they happen, from now on. containerd serves them from 1.7; before, `Unimplemented` is thrown. */
  containerEvents(options?: { readonly signal?: AbortSignal }): AsyncIterable<ContainerEvent>;
}

const requestTimeoutMs = 120_000;
const messageBytes = 16 * 1024 * 1024;

/** `endpoint` is a URL such as `unix:///run/containerd/containerd.sock`. Connects when first called. */
export function connectContainerRuntime(
  endpoint: string,
  { clock }: { readonly clock: Clock },
): ContainerRuntime {
  const client = new Client(endpoint, credentials.createInsecure(), {
    'grpc.max_receive_message_length': messageBytes,
    'grpc.max_send_message_length': messageBytes,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 3000,
  });
  const calls = Object.entries(methods).map(([name, method]) => [
    name,
    unary(client, clock, method as Method<unknown, unknown>),
  ]);
  return {
    ...(Object.fromEntries(calls) as Calls),
    containerEvents: ({ signal } = {}) => stream(client, containerEvents, signal),
    [Symbol.dispose]: () => client.close(),
  };
}

const serializer =
  <T>(type: MessageType<T>) =>
  (value: Partial<T>): Buffer =>
    encode(type, value);

const deserializer =
  <T>(type: MessageType<T>) =>
  (source: Buffer): Decoded<T> =>
    decode(type, source) as Decoded<T>;

function unary<Q, A>(client: Client, clock: Clock, { path, request, response }: Method<Q, A>) {
  const write = serializer(request);
  const read = deserializer(response);
  return (
    value: Partial<Q>,
    { signal, timeoutMs = requestTimeoutMs }: RuntimeCallOptions = {},
  ): Promise<Decoded<A>> => {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Decoded<A>>();
    const options: CallOptions = Number.isFinite(timeoutMs)
      ? { deadline: clock.now() + timeoutMs }
      : {};
    const call = client.makeUnaryRequest(path, write, read, value, options, (error, answer) => {
      signal?.removeEventListener('abort', cancel);
      if (error) reject(signal?.aborted ? (signal.reason as Error) : translate(error));
      else resolve(answer as Decoded<A>);
    });
    function cancel(): void {
      call.cancel();
    }
    signal?.addEventListener('abort', cancel, { once: true });
    return promise;
  };
}

async function* stream<Q, A>(
  client: Client,
  { path, request, response }: Method<Q, A>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Decoded<A>, void> {
  signal?.throwIfAborted();
  const call = client.makeServerStreamRequest(
    path,
    serializer(request),
    deserializer(response),
    {},
    {},
  );
  const cancel = (): void => call.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    for await (const event of call) yield event as Decoded<A>;
  } catch (error) {
    throw signal?.aborted ? signal.reason : translate(error as ServiceError);
  } finally {
    signal?.removeEventListener('abort', cancel);
    call.cancel();
  }
}

function translate(error: ServiceError): RuntimeError {
  return RuntimeError.from(error.code, error.details, error);
}
