import * as v from 'valibot';
import { Channel } from '#shared/base/channel.ts';
import type { CallContext, Client, Contract, Handlers } from '#shared/contract/contract.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Status } from '#shared/kube/types/meta-v1.ts';

const id = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

/** What a window may send. Everything else is refused before anybody looks at it. */
const clientFrame = v.variant('type', [
  v.strictObject({
    type: v.literal('request'),
    id,
    method: v.pipe(v.string(), v.maxLength(64)),
    input: v.unknown(),
  }),
  v.strictObject({ type: v.literal('cancel'), id }),
]);

export type ClientFrame = v.InferOutput<typeof clientFrame>;

export type ServerFrame =
  | { readonly type: 'value'; readonly id: number; readonly value: unknown }
  | { readonly type: 'end'; readonly id: number }
  | { readonly type: 'error'; readonly id: number; readonly status: Status };

/** A two-way pipe of frames: a MessagePort in Electron, a WebSocket in a browser, a pair in tests. */
export interface Port<Sent, Received> {
  send(frame: Sent): void;
  /** `closed` is called once, when no frame can come any more. */
  listen(receive: (frame: Received) => void, closed: () => void): Disposable;
}

export interface ServeOptions {
  /** Told of frames that no honest window sends. */
  onRefused(why: string): void;
}

/** Answers the window's frames until the port closes; disposing ends every running operation. */
export function serve<C extends Contract>(
  contract: C,
  handlers: Handlers<C>,
  port: Port<ServerFrame, unknown>,
  { onRefused }: ServeOptions,
): Disposable {
  const running = new Map<number, AbortController>();
  const stopAll = (): void =>
    running.forEach((cancel) => cancel.abort(new Error('The window has gone')));

  function receive(raw: unknown): void {
    const parsed = v.safeParse(clientFrame, raw);
    if (!parsed.success) return onRefused('a frame of no known form');
    const frame = parsed.output;
    if (frame.type === 'cancel') running.get(frame.id)?.abort(new Error('Cancelled'));
    else if (running.has(frame.id)) onRefused('a second request under one id');
    else void answer(frame.id, frame.method, frame.input);
  }

  async function answer(id: number, method: string, raw: unknown): Promise<void> {
    const cancel = new AbortController();
    const { signal } = cancel;
    running.set(id, cancel);
    try {
      const operation = Object.hasOwn(contract, method) ? contract[method] : undefined;
      if (!operation) throw new ApiError('NotFound', `The app has no operation named ${method}`);
      const input = v.safeParse(operation.input, raw);
      if (!input.success) {
        onRefused(`a malformed input of ${method}`);
        throw new ApiError('BadRequest', `${method}: ${v.summarize(input.issues)}`);
      }
      const handle = handlers[method] as (input: unknown, context: CallContext) => unknown;
      const result = handle(input.output, { signal });
      if (operation.kind === 'call') port.send({ type: 'value', id, value: await result });
      else {
        for await (const value of result as AsyncIterable<unknown>) {
          if (signal.aborted) return;
          port.send({ type: 'value', id, value });
        }
      }
      port.send({ type: 'end', id });
    } catch (error) {
      if (!signal.aborted) port.send({ type: 'error', id, status: statusOf(error) });
    } finally {
      running.delete(id);
    }
  }

  const listening = port.listen(receive, stopAll);
  return {
    [Symbol.dispose]() {
      listening[Symbol.dispose]();
      stopAll();
    },
  };
}

/** The window's side: one function per operation. After the port has closed every call fails. */
export function connect<C extends Contract>(
  contract: C,
  port: Port<ClientFrame, ServerFrame>,
): Client<C> & Disposable {
  let lastId = 0;
  let isClosed = false;
  const open = new Map<number, Channel<unknown>>();
  const listening = port.listen(
    (frame) => {
      const answers = open.get(frame.id);
      if (frame.type === 'value') return answers?.push(frame.value);
      open.delete(frame.id);
      answers?.end(frame.type === 'error' ? ApiError.fromStatus(frame.status) : undefined);
    },
    () => {
      isClosed = true;
      for (const answers of open.values()) answers.end(gone);
      open.clear();
    },
  );

  async function* request(
    method: string,
    input: unknown,
    signal?: AbortSignal,
  ): AsyncGenerator<unknown, void> {
    signal?.throwIfAborted();
    if (isClosed) throw gone;
    const id = ++lastId;
    const answers = new Channel<unknown>();
    const abort = (): void => answers.end(signal?.reason);
    open.set(id, answers);
    signal?.addEventListener('abort', abort, { once: true });
    port.send({ type: 'request', id, method, input });
    try {
      yield* answers;
    } finally {
      signal?.removeEventListener('abort', abort);
      if (open.delete(id)) port.send({ type: 'cancel', id });
    }
  }

  async function first(method: string, input: unknown, signal?: AbortSignal): Promise<unknown> {
    for await (const value of request(method, input, signal)) return value;
    throw new ApiError('InternalError', `${method} ended without an answer`);
  }

  const methods = Object.entries(contract).map(([name, { kind }]) => [
    name,
    (input: unknown, { signal }: { signal?: AbortSignal } = {}) =>
      kind === 'call' ? first(name, input, signal) : request(name, input, signal),
  ]);
  return Object.assign(Object.fromEntries(methods) as Client<C>, {
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  });
}

const gone = new ApiError('ServiceUnavailable', 'The app has closed the connection');

function statusOf(error: unknown): Status {
  if (error instanceof ApiError) return error.toStatus();
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError('InternalError', message).toStatus();
}
