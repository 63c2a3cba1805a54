import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { AnswerCache } from '#agent/dns/answer-cache.ts';
import type { Query } from '#agent/dns/messages.ts';
import type { Resolvers } from '#agent/dns/resolvers.ts';
import { frames, framed } from '#agent/dns/tcp-frames.ts';
import { headerLength, isWhole, questionsEnd } from '#agent/dns/wire.ts';
import type { Clock } from '#shared/base/clock.ts';
import { isIpv6 } from '#shared/kube/ip.ts';

/** How long one server may take before the next one is asked. */
const patienceMs = 2000;
const rounds = 2;

export interface ForwarderOptions {
  readonly resolvers: Pick<Resolvers, 'servers'>;
  readonly clock: Clock;
  readonly port?: number;
}

/** Asks the node's own servers for names outside the cluster, and remembers what they said. */
export class Forwarder {
  readonly #resolvers: Pick<Resolvers, 'servers'>;
  readonly #clock: Clock;
  readonly #port: number;
  readonly #cache: AnswerCache;
  readonly #asking = new Map<string, Promise<Buffer | undefined>>();

  constructor({ resolvers, clock, port = 53 }: ForwarderOptions) {
    this.#resolvers = resolvers;
    this.#clock = clock;
    this.#port = port;
    this.#cache = new AnswerCache(clock);
  }

  async hasServers(): Promise<boolean> {
    return (await this.#resolvers.servers()).length > 0;
  }

  /** A reply to the message (its number aside), or nothing when nobody has one. */
  async ask(message: Buffer, query: Pick<Query, 'name' | 'type'>): Promise<Buffer | undefined> {
    // What the client says besides its name is part of the question: extensions, DNSSEC.
    const key = `${query.name} ${query.type} ${message.toString('latin1', 2, 4)} ${message.toString('latin1', questionsEnd(message))}`;
    const known = this.#cache.get(key);
    if (known) return known;
    let asking = this.#asking.get(key);
    if (!asking) {
      asking = this.#askAll(message, key).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    return asking;
  }

  async #askAll(message: Buffer, key: string): Promise<Buffer | undefined> {
    const servers = await this.#resolvers.servers();
    let last: Buffer | undefined;
    for (let round = 0; round < rounds; round++) {
      for (const server of servers) {
        const reply = await this.#askOne(message, server);
        if (!reply) continue;
        last = reply;
        const code = reply[3]! & 0x0f;
        // The others may know better than one that fails or refuses.
        if (code !== 0 && code !== 3) continue;
        this.#cache.put(key, reply);
        return reply;
      }
    }
    return last;
  }

  async #askOne(message: Buffer, server: string): Promise<Buffer | undefined> {
    const own = Buffer.from(message);
    own.writeUInt16BE(randomInt(0x1_0000), 0);
    const to = { host: server, port: this.#port };
    const reply = await this.#exchange(own, (receive) => sendDatagram(own, to, receive));
    const isCut = reply !== undefined && (reply[2]! & 0x02) !== 0;
    if (!isCut) return reply;
    return this.#exchange(own, (receive) => sendStream(own, to, receive));
  }

  /** Waits for a reply to this very message; whatever else comes is not for us. */
  #exchange(message: Buffer, send: Send): Promise<Buffer | undefined> {
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
    const end = questionsEnd(message);
    const sending = send((reply) => {
      if (reply && !isReplyTo(reply, message, end)) return;
      timer[Symbol.dispose]();
      sending[Symbol.dispose]();
      resolve(reply);
    });
    const timer = this.#clock.after(patienceMs, () => {
      sending[Symbol.dispose]();
      resolve(undefined);
    });
    return promise;
  }
}

/** Sends; hands on what comes back, or nothing when nothing can. */
type Send = (receive: (reply: Buffer | undefined) => void) => Disposable;

function isReplyTo(reply: Buffer, message: Buffer, end: number): boolean {
  return (
    reply.length >= end &&
    isWhole(reply) &&
    reply.readUInt16BE(0) === message.readUInt16BE(0) &&
    (reply[2]! & 0x80) !== 0 &&
    reply.toString('latin1', headerLength, end).toLowerCase() ===
      message.toString('latin1', headerLength, end).toLowerCase()
  );
}

interface To {
  readonly host: string;
  readonly port: number;
}

/** From a port of its own for each question, so that answers cannot be guessed. */
function sendDatagram(
  message: Buffer,
  { host, port }: To,
  receive: (reply: Buffer | undefined) => void,
): Disposable {
  const socket = createSocket(isIpv6(host) ? 'udp6' : 'udp4');
  let isOpen = true;
  socket.on('message', receive);
  socket.on('error', () => receive(undefined));
  socket.connect(port, host, () => socket.send(message));
  return {
    [Symbol.dispose]() {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}

function sendStream(
  message: Buffer,
  { host, port }: To,
  receive: (reply: Buffer | undefined) => void,
): Disposable {
  const socket = connect({ host, port });
  frames(socket, receive);
  socket.on('error', () => receive(undefined));
  socket.on('end', () => receive(undefined));
  socket.write(framed(message));
  return { [Symbol.dispose]: () => void socket.destroy() };
}
