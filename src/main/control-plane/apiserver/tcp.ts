import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { DialOptions, DialTarget } from '#main/control-plane/node-dialer.ts';
import type { Clock } from '#shared/base/clock.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** As Go's dialer. */
const dialTimeoutMs = 30_000;

/** A TCP connection from this machine. Throws `ServiceUnavailable` in Go's words. */
export function dialTcp(
  { host, port }: DialTarget,
  { clock, signal }: DialOptions & { readonly clock: Clock },
): Promise<Duplex> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const socket = connect({ host, port });
  const settle = (): void => {
    deadline[Symbol.dispose]();
    signal?.removeEventListener('abort', abort);
  };
  const fail = (error: Error): void => {
    settle();
    socket.destroy();
    reject(error);
  };
  const refused = (error: NodeJS.ErrnoException): void =>
    fail(
      new ApiError(
        'ServiceUnavailable',
        `dial tcp ${hostPort({ host, port })}: ${inWords(error)}`,
        {
          cause: error,
        },
      ),
    );
  const abort = (): void => fail(signal?.reason as Error);
  const late = Object.assign(new Error('connection timed out'), { code: 'ETIMEDOUT' });
  const deadline = clock.after(dialTimeoutMs, () => refused(late));
  socket.once('error', refused);
  signal?.addEventListener('abort', abort, { once: true });
  socket.once('connect', () => {
    settle();
    socket.off('error', refused);
    socket.setNoDelay(true);
    resolve(socket);
  });
  return promise;
}

/** `host:port` with an IPv6 address in brackets. */
export function hostPort({ host, port }: DialTarget): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

function inWords(error: NodeJS.ErrnoException): string {
  return words[error.code ?? ''] ?? error.message;
}
