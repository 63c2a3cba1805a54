import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import type { Responder } from '#agent/dns/responder.ts';
import { framed, frames } from '#agent/dns/tcp-frames.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';

const idleMs = 10_000;

export interface ListenOptions {
  readonly address: string;
  readonly port: number;
  readonly responder: Responder;
  readonly clock: Clock;
  readonly log: Log;
}

/** Answers datagrams and streams at one address. */
export async function listen(options: ListenOptions): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  stack.use(await listenForDatagrams(options));
  stack.use(await listenForStreams(options));
  return stack.move();
}

async function listenForDatagrams({
  address,
  port,
  responder,
  log,
}: ListenOptions): Promise<AsyncDisposable> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  let isOpen = true;
  socket.on('message', (message, client) => {
    void answer({ responder, log }, message, 'udp', (reply) => {
      if (isOpen) socket.send(reply, client.port, client.address);
    });
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('error', reject);
  socket.bind({ address, port }, resolve);
  await promise;
  socket.off('error', reject);
  socket.on('error', (error) => log.warn('A DNS answer could not be sent', { error }));
  return {
    [Symbol.asyncDispose]() {
      isOpen = false;
      return new Promise((closed) => void socket.close(() => closed()));
    },
  };
}

async function listenForStreams({
  address,
  port,
  responder,
  clock,
  log,
}: ListenOptions): Promise<AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    // Whoever asked went away: nothing is left to do.
    socket.on('error', () => socket.destroy());
    let idle = clock.after(idleMs, () => socket.destroy());
    socket.on('close', () => {
      idle[Symbol.dispose]();
      open.delete(socket);
    });
    frames(socket, (message) => {
      idle[Symbol.dispose]();
      idle = clock.after(idleMs, () => socket.destroy());
      void answer({ responder, log }, message, 'tcp', (reply) => {
        if (socket.writable) socket.write(framed(reply));
      });
    });
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ host: address, port }, resolve);
  await promise;
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((done) => void server.close(() => done()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function answer(
  { responder, log }: Pick<ListenOptions, 'responder' | 'log'>,
  message: Buffer,
  transport: 'udp' | 'tcp',
  send: (reply: Buffer) => void,
): Promise<void> {
  try {
    const reply = await responder.answer(message, transport);
    if (reply) send(reply);
  } catch (error) {
    log.error('Cannot answer a DNS query', { error });
  }
}
