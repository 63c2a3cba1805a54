import { GrpcClient, type GrpcMethod } from '#agent/grpc/client.ts';
import { GrpcError } from '#agent/grpc/grpc-error.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Decoded } from '#shared/base/protobuf.ts';
import { containerEvents, methods, type Request, type Response } from './methods.ts';
import { RuntimeOperations } from './operations.ts';
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

export interface ContainerRuntimeOptions {
  readonly clock: Clock;
  /** Hears of every call but the streams. */
  readonly operations?: RuntimeOperations;
}

const requestTimeoutMs = 120_000;

/** `endpoint` is a URL such as `unix:///run/containerd/containerd.sock`. Connects when first called. */
export function connectContainerRuntime(
  endpoint: string,
  { clock, operations = new RuntimeOperations() }: ContainerRuntimeOptions,
): ContainerRuntime {
  const client = new GrpcClient({ target: endpoint, clock });
  const calls = Object.entries(methods).map(([name, method]) => [
    name,
    unary(client, method as GrpcMethod<unknown, unknown>, { clock, operations }),
  ]);
  return {
    ...(Object.fromEntries(calls) as Calls),
    containerEvents: ({ signal } = {}) => stream(client, containerEvents, signal),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

function unary<Q, A>(
  client: GrpcClient,
  method: GrpcMethod<Q, A>,
  { clock, operations }: Required<ContainerRuntimeOptions>,
) {
  return async (
    value: Partial<Q>,
    { signal, timeoutMs = requestTimeoutMs }: RuntimeCallOptions = {},
  ): Promise<Decoded<A>> => {
    const startedAt = clock.elapsed();
    let hasFailed = true;
    try {
      const answer = await client.unary(method, value, { signal, timeoutMs });
      hasFailed = false;
      return answer;
    } catch (error) {
      throw translate(error);
    } finally {
      operations.observe(method.path, (clock.elapsed() - startedAt) / 1000, hasFailed);
    }
  };
}

async function* stream<Q, A>(
  client: GrpcClient,
  method: GrpcMethod<Q, A>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Decoded<A>, void> {
  try {
    yield* client.stream(method, {}, { signal });
  } catch (error) {
    throw translate(error);
  }
}

function translate(error: unknown): unknown {
  return error instanceof GrpcError ? RuntimeError.from(error.status, error.message, error) : error;
}
