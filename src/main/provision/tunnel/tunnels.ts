import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Wanted } from '#agent/tunnel/index.ts';
import type { StreamRequest } from '#agent/tunnel/multiplexer.ts';
import { splice } from '#agent/tunnel/splice.ts';
import { isFinal } from '#main/provision/tunnel/attach.ts';
import {
  NodeTunnel,
  type NodeTunnelOptions,
  type TunnelState,
} from '#main/provision/tunnel/node-tunnel.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface TunnelsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Where this machine serves the API. */
  readonly api: { readonly host: string; readonly port: number };
  /** Called whenever a tunnel stands or no longer does. */
  entered?(node: string, state: TunnelState): void;
}

interface Dialled {
  readonly signal?: AbortSignal | undefined;
}

/** The tunnels of a cluster's nodes. */
export class Tunnels implements AsyncDisposable {
  readonly #options: TunnelsOptions;
  readonly #tunnels = new Map<string, NodeTunnel>();

  constructor(options: TunnelsOptions) {
    this.#options = options;
  }

  has(node: string): boolean {
    return this.#tunnels.has(node);
  }

  states(): ReadonlyMap<string, TunnelState> {
    return new Map([...this.#tunnels].map(([name, { state }]) => [name, state]));
  }

  /** Opens the tunnel and keeps it; one that was there before makes way. */
  async open(node: string, attach: NodeTunnelOptions['attach']): Promise<void> {
    await this.close(node);
    const { clock, log, api, entered } = this.#options;
    const tunnel = new NodeTunnel({
      node,
      clock,
      log,
      attach,
      isFinal,
      onApiRequest: (request) => connectTo(api, request),
      ...(entered && { entered: (state: TunnelState) => entered(node, state) }),
      random: Math.random,
    });
    this.#tunnels.set(node, tunnel);
  }

  async close(node: string): Promise<void> {
    const tunnel = this.#tunnels.get(node);
    this.#tunnels.delete(node);
    await tunnel?.[Symbol.asyncDispose]();
  }

  /** Throws `ServiceUnavailable` saying why there is no way. */
  dial(
    node: string,
    target: { readonly host: string; readonly port: number },
    options?: Dialled,
  ): Promise<Duplex> {
    return this.#tunnel(node).dial(target, options);
  }

  /** Hands an archive of images to the node's runtime; resolves to the images' names. */
  async loadImage(node: string, archive: Duplex | NodeJS.ReadableStream): Promise<string> {
    const stream = await this.#tunnel(node).open({ type: 'image' } satisfies Wanted);
    archive.pipe(stream);
    const answer = JSON.parse(await text(stream)) as { images?: string; error?: string };
    if (answer.error === undefined) return answer.images ?? '';
    throw new Error(`Node ${node} cannot load the images: ${answer.error}`);
  }

  /** After a sleep nobody waits for the next look. */
  wake(): void {
    for (const tunnel of this.#tunnels.values()) tunnel.wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#tunnels.keys()].map((node) => this.close(node)));
  }

  #tunnel(node: string): NodeTunnel {
    const tunnel = this.#tunnels.get(node);
    if (tunnel) return tunnel;
    throw new ApiError('ServiceUnavailable', `Cannot reach node ${node}: no tunnel leads to it`);
  }
}

function connectTo(address: TunnelsOptions['api'], request: StreamRequest): void {
  const socket = connect(address);
  const refuse = (error: Error): void => request.refuse(error.message);
  socket.once('error', refuse);
  socket.once('connect', () => {
    socket.off('error', refuse);
    socket.setNoDelay();
    splice(socket, request.accept());
  });
}
