import { randomUUID } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { upgrade } from '#main/clusters/api-streams.ts';
import type { ServerAccess } from '#main/clusters/https-transport.ts';
import { SpdyConnection } from '#main/control-plane/apiserver/streaming/spdy/connection.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { HttpTransport } from '#shared/client/http-transport.ts';
import type { ForwardTarget, PortForward } from '#shared/contract/containers.ts';
import { backendOf, type Backend } from './backend.ts';

export interface PortForwardsOptions {
  readonly api: HttpTransport;
  readonly access: ServerAccess;
  readonly clock: Clock;
  readonly log: Log;
}

interface Running {
  readonly server: Server;
  readonly sockets: Set<Socket>;
  state: PortForward;
}

/**
 * Local ports that lead into the cluster. A port stays when pods are replaced: each connection asks
 * anew where it should go. Disposing closes them all.
 */
export class PortForwards implements AsyncDisposable {
  readonly #options: PortForwardsOptions;
  readonly #running = new Map<string, Running>();
  readonly #listeners = new Set<() => void>();

  constructor(options: PortForwardsOptions) {
    this.#options = options;
  }

  list(): readonly PortForward[] {
    return [...this.#running.values()].map(({ state }) => state);
  }

  /** Calls `listener` whenever the list has changed. */
  subscribe(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Throws when nothing can listen on the port that is asked for. */
  async start(target: ForwardTarget, port: number, localPort = 0): Promise<PortForward> {
    const id = randomUUID();
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        this.#change(id, { connections: sockets.size });
      });
      this.#change(id, { connections: sockets.size });
      void this.#carry(id, socket);
    });
    await listen(server, localPort);
    const state: PortForward = {
      id,
      target,
      port,
      localPort: (server.address() as AddressInfo).port,
      since: this.#options.clock.now(),
      connections: 0,
    };
    this.#running.set(id, { server, sockets, state });
    this.#tell();
    return state;
  }

  async stop(id: string): Promise<void> {
    const found = this.#running.get(id);
    if (!found) return;
    this.#running.delete(id);
    for (const socket of found.sockets) socket.destroy();
    await new Promise((resolve) => found.server.close(resolve));
    this.#tell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.keys()].map((id) => this.stop(id)));
  }

  /** One connection, from here to where it leads now. */
  async #carry(id: string, socket: Socket): Promise<void> {
    const { api } = this.#options;
    socket.on('error', () => socket.destroy());
    const state = this.#running.get(id)?.state;
    if (!state) return;
    const { target, port, pod: last } = state;
    try {
      const backend = await backendOf(api, target, { port, last });
      this.#change(id, { pod: backend.pod });
      await this.#join(backend, socket);
      this.#change(id, { problem: undefined });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.#options.log.warn('A forwarded connection failed', { target, problem });
      this.#change(id, { problem });
      socket.destroy();
    }
  }

  /** Resolves when both directions have ended; throws what the other end says against it. */
  async #join({ namespace, pod, port }: Backend, socket: Socket): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods/${pod}/portforward`;
    const { socket: upgraded, head } = await upgrade(this.#options.access, path, {
      upgrade: 'SPDY/3.1',
      'x-stream-protocol-version': 'portforward.k8s.io',
    });
    const connection = new SpdyConnection({ role: 'client', socket: upgraded, head });
    try {
      const named = { port: String(port), requestid: '0' };
      const errors = await connection.open({ ...named, streamtype: 'error' });
      errors.end();
      const data = await connection.open({ ...named, streamtype: 'data' });
      const said = text(errors);
      const [, , problem] = await Promise.all([
        pipeline(socket, data),
        pipeline(data, socket),
        said,
      ]);
      if (problem) throw new Error(problem);
    } finally {
      upgraded.destroy();
      await connection.closed.catch(() => {}); // it is over, however
    }
  }

  #change(
    id: string,
    to: { readonly [K in keyof PortForward]?: PortForward[K] | undefined },
  ): void {
    const found = this.#running.get(id);
    if (!found) return;
    const { problem, ...rest } = { ...found.state, ...to };
    found.state = { ...rest, ...(problem !== undefined && { problem }) } as PortForward;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'somebody else listens there' : cause.message;
      reject(new Error(`Cannot listen on 127.0.0.1:${port}: ${why}; use another port`, { cause }));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}
