import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import {
  channels,
  decodeChannel,
  encodeChannel,
  type ChannelProtocol,
} from '#main/control-plane/apiserver/streaming/channels.ts';
import type { RemoteCommand } from '#main/control-plane/apiserver/streaming/remote-command.ts';
import type { SpdyStream } from '#main/control-plane/apiserver/streaming/spdy/stream.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Status } from '#shared/kube/types/meta-v1.ts';

const normalClosure = 1000;

/** A client that speaks in channels over a WebSocket. */
export class ChannelSocket {
  readonly #socket: WebSocket;
  readonly #protocol: ChannelProtocol;

  constructor(socket: WebSocket, protocol: ChannelProtocol) {
    this.#socket = socket;
    this.#protocol = protocol;
  }

  /**
   * Carries a command's streams until it is over; a client that goes away ends it. Old protocols
   * say with an empty message that the command has begun.
   */
  async carry(command: RemoteCommand): Promise<void> {
    const { stdin, stdout, stderr, resize, status } = command;
    const socket = this.#socket;
    socket.once('close', () => command.destroy());
    if (socket.readyState !== socket.OPEN) command.destroy();
    socket.on('message', (message: Buffer) => this.#received(message, { stdin, resize }));
    socket.resume();
    if (!this.#protocol.canCloseInput) await this.#send(lowest(command), Buffer.alloc(0));
    await Promise.all([
      stdout && this.#output(channels.stdout, stdout),
      stderr && this.#output(channels.stderr, stderr),
    ]);
    await this.finish(await status.catch(brokenOff));
    command.destroy();
  }

  /** Tells the client how it went, and ends. */
  async finish(status: Status): Promise<void> {
    const said = this.#inWords(status);
    if (said !== undefined) await this.#send(channels.error, Buffer.from(said));
    this.#socket.resume();
    this.#socket.close(normalClosure);
  }

  #inWords(status: Status): string | undefined {
    if (this.#protocol.hasStatus) return JSON.stringify(status);
    return status.status === 'Success' ? undefined : (status.message ?? 'the command failed');
  }

  #received(message: Buffer, { stdin, resize }: Pick<RemoteCommand, 'stdin' | 'resize'>): void {
    const decoded = decodeChannel(this.#protocol, message);
    if (!decoded) return;
    const { channel, data } = decoded;
    if (channel === channels.stdin && stdin) this.#pass(stdin, data);
    else if (channel === channels.resize && resize) this.#pass(resize, data);
    else if (channel === channels.close && data[0] === channels.stdin) stdin?.end();
  }

  /** A command that reads slowly slows the client down. */
  #pass(to: Writable, data: Buffer): void {
    if (data.length === 0 || to.destroyed || to.writableEnded) return;
    if (to.write(data)) return;
    this.#socket.pause();
    const resume = (): void => {
      to.off('drain', resume);
      to.off('close', resume);
      this.#socket.resume();
    };
    to.once('drain', resume);
    to.once('close', resume);
  }

  async #output(channel: number, stream: SpdyStream): Promise<void> {
    stream.on('data', (chunk: Buffer) => {
      stream.pause();
      void this.#send(channel, chunk).then(() => stream.resume());
    });
    // Its end, or the end of the connection: the status tells which.
    const { promise, resolve } = Promise.withResolvers<void>();
    stream.once('end', resolve);
    stream.once('close', resolve);
    if (!stream.closed) await promise;
  }

  /** Resolves when the message has left, or nobody is there to take it. */
  #send(channel: number, data: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.send(encodeChannel(this.#protocol, channel, data), () => resolve());
    return promise;
  }
}

/** Where a client that knows no better looks first. */
function lowest({ stdout, stderr }: RemoteCommand): number {
  if (stdout) return channels.stdout;
  return stderr ? channels.stderr : channels.error;
}

function brokenOff(cause: unknown): Status {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `Internal error occurred: error reading from error stream: ${why}`;
  return new ApiError('InternalError', message, { cause }).toStatus();
}
