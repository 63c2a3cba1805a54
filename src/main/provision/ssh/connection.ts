import { connect, type Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import ssh2, { type ClientChannel, type ConnectConfig, type ServerHostKeyAlgorithm } from 'ssh2';
import { attempts, type Credentials } from '#main/provision/ssh/authentication.ts';
import type { HostKeys } from '#main/provision/ssh/host-keys.ts';
import type { Questions } from '#main/provision/ssh/questions.ts';
import { describeTarget, type SshTarget } from '#main/provision/ssh/target.ts';
import type { Clock } from '#shared/base/clock.ts';

export interface SshOptions {
  readonly target: SshTarget;
  readonly credentials: Credentials;
  readonly hostKeys: HostKeys;
  readonly questions: Questions;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A login on a machine. Disposing ends it. */
export interface SshConnection extends AsyncDisposable {
  readonly target: SshTarget;
  /** Runs a command to its end; `input` becomes its standard input. */
  execute(
    command: string,
    options?: { readonly input?: Readable | string; readonly signal?: AbortSignal | undefined },
  ): Promise<CommandResult>;
  /** A command's standard streams; what it complains of goes to `onError`. */
  open(command: string, onError: (text: string) => void): Promise<Duplex>;
  /** Resolves to why, once the connection has ended. */
  readonly ended: Promise<string>;
}

/** The login failed for good: asking again would only have the machine shut us out. */
export class LoginRefused extends Error {
  override readonly name = 'LoginRefused';
}

const keepaliveMs = 15_000;
const keepaliveCount = 3;
const reachMs = 10_000;
/** A person may have to find a password meanwhile. */
const readyMs = 300_000;
const defaultKeyTypes: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** Logs in. Throws `LoginRefused` where keys, passwords or the machine's own key are the reason. */
export async function connectSsh(options: SshOptions): Promise<SshConnection> {
  const { target, signal } = options;
  const sock = await reach(options);
  const client = new ssh2.Client();
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  let refusal: LoginRefused | undefined;
  let lastError: string | undefined;
  const abort = (): void => {
    ready.reject(signal?.reason as Error);
    sock.destroy();
  };
  signal?.addEventListener('abort', abort, { once: true });
  client.once('ready', () => ready.resolve());
  client.on('error', (error) => {
    lastError = error.message;
    ready.reject(refusal ?? explain(target, error));
  });
  client.once('close', () => {
    ready.reject(refusal ?? explain(target, new Error(lastError ?? 'the connection was closed')));
    ended.resolve(lastError ?? 'the SSH connection was closed');
  });
  client.connect({
    sock,
    ...connectConfig(options, (why) => {
      refusal = new LoginRefused(why);
      // Not through ssh2: an answer to a question may take longer than it waits.
      ready.reject(refusal);
      sock.destroy();
    }),
  });
  try {
    await ready.promise;
  } catch (error) {
    sock.destroy();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  return connectionOver({ client, sock, target, ended: ended.promise });
}

/** The machine's SSH port, or why it does not answer. */
async function reach({ target, clock, signal }: SshOptions): Promise<Socket> {
  signal?.throwIfAborted();
  // The tunnel's many small messages would each wait for the one before to be acknowledged, 40 ms.
  const socket = connect({ port: target.port, host: target.host, noDelay: true });
  const connected = Promise.withResolvers<void>();
  const abort = (): void => connected.reject(signal?.reason as Error);
  signal?.addEventListener('abort', abort, { once: true });
  using _deadline = clock.after(reachMs, () =>
    connected.reject(explain(target, new Error(`no answer within ${reachMs / 1000} seconds`))),
  );
  const fail = (error: Error): void => connected.reject(explain(target, error));
  socket.once('connect', connected.resolve);
  socket.once('error', fail);
  try {
    await connected.promise;
    socket.off('error', fail);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function connectConfig(options: SshOptions, refuse: (why: string) => void): ConnectConfig {
  const { target, credentials, hostKeys, questions } = options;
  const logins = attempts(target, credentials, questions);
  return {
    username: target.user,
    keepaliveInterval: keepaliveMs,
    keepaliveCountMax: keepaliveCount,
    readyTimeout: readyMs,
    algorithms: { serverHostKey: preferred(hostKeys.types(target)) },
    hostVerifier: (key: Buffer, done: (isTrusted: boolean) => void) => {
      const trust = async (): Promise<void> => {
        await hostKeys.check({ host: target.host, port: target.port, key });
        done(true);
      };
      trust().catch((error: Error) => refuse(error.message));
    },
    authHandler: (accepted: string[] | null, _partial: boolean | null, next) => {
      const goOn = async (): Promise<void> => {
        const method = await logins.next(accepted ?? undefined);
        if (!method) throw new Error(noWayIn(target, accepted ?? [], logins.tried));
        next(method);
      };
      goOn().catch((error: Error) => refuse(error.message));
    },
  };
}

function noWayIn(target: SshTarget, accepted: readonly string[], tried: readonly string[]): string {
  const takes = accepted.join(', ') || 'nothing';
  return `Cannot log in as ${describeTarget(target)}: it takes ${takes}; tried ${tried.join(', ') || 'nothing'}. Name another key with --identity, load it into your SSH agent, or run this in a terminal to type a password`;
}

/** Kinds of keys that are known first: otherwise a machine shows another one, which cannot be compared. */
function preferred(known: readonly string[]): ServerHostKeyAlgorithm[] {
  const isKnown = (algorithm: string): boolean =>
    known.includes(algorithm) || (algorithm.startsWith('rsa-') && known.includes('ssh-rsa'));
  return [
    ...defaultKeyTypes.filter((one) => isKnown(one)),
    ...defaultKeyTypes.filter((one) => !isKnown(one)),
  ];
}

function explain(target: SshTarget, cause: Error & { code?: string }): Error {
  const advice = adviceFor(cause);
  return new Error(`Cannot reach ${describeTarget(target)}: ${cause.message}; ${advice}`, {
    cause,
  });
}

function adviceFor({ code }: { readonly code?: string }): string {
  if (code === 'ECONNREFUSED') return 'see whether its SSH server runs, and on that port';
  if (code === 'ENOTFOUND') return 'check the name';
  return 'see whether it is switched on and in the same network';
}

interface Established {
  readonly client: ssh2.Client;
  readonly sock: Socket;
  readonly target: SshTarget;
  readonly ended: Promise<string>;
}

function connectionOver({ client, sock, target, ended }: Established): SshConnection {
  // All that happens on the channel may be in one packet with its opening: it is taken up at once.
  const exec = <T>(command: string, take: (channel: ClientChannel) => T): Promise<T> =>
    new Promise((resolve, reject) => {
      const fail = (cause: Error): void => {
        const message = `The connection to ${describeTarget(target)} takes no command: ${cause.message}`;
        reject(new Error(message, { cause }));
      };
      try {
        client.exec(command, (error, channel) => {
          if (error) fail(error);
          else resolve(take(channel));
        });
      } catch (error) {
        fail(error as Error); // it was lost before
      }
    });
  const lost = ended.then((why) => {
    throw new Error(`The connection to ${describeTarget(target)} was lost: ${why}`);
  });
  lost.catch(() => {}); // only those who wait for a command want to know
  return {
    target,
    ended,
    execute: (command, { input = '', signal } = {}) =>
      Promise.race([exec(command, (channel) => collect(channel, input, signal)), lost]),
    open: (command, onError) =>
      Promise.race([
        exec(command, (channel) => {
          channel.stderr.on('data', (chunk: Buffer) => onError(chunk.toString()));
          return channel;
        }),
        lost,
      ]),
    async [Symbol.asyncDispose]() {
      client.end();
      // The other end may be gone: nothing is waited for.
      sock.destroy();
      await ended;
    },
  };
}

function collect(
  channel: ClientChannel,
  input: Readable | string,
  signal: AbortSignal | undefined,
): Promise<CommandResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  let [out, err, code] = ['', '', 255];
  const abort = (): void => {
    channel.close();
    reject(signal?.reason as Error);
  };
  signal?.addEventListener('abort', abort, { once: true });
  channel.on('data', (chunk: Buffer) => (out += chunk.toString()));
  channel.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  channel.on('exit', (status: number | null) => (code = status ?? 128));
  channel.on('error', reject);
  channel.once('close', () => {
    signal?.removeEventListener('abort', abort);
    resolve({ code, out, err });
  });
  if (typeof input === 'string') channel.end(input);
  else {
    input.once('error', (error) => {
      channel.close();
      reject(error);
    });
    input.pipe(channel);
  }
  return promise;
}
