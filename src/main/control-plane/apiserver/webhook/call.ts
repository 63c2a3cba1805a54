import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { ServiceDialer } from '#main/control-plane/apiserver/service-dialer.ts';
import { dialTcp } from '#main/control-plane/apiserver/tcp.ts';
import { failureText, WebhookFailure } from '#main/control-plane/apiserver/webhook/failure.ts';
import type { Clock } from '#shared/base/clock.ts';

/** Where a webhook is, as admission and conversion say it alike. */
export interface WebhookClientConfig {
  readonly url?: string;
  readonly service?: {
    readonly namespace: string;
    readonly name: string;
    readonly path?: string;
    readonly port?: number;
  };
  /** PEM in base64. */
  readonly caBundle?: string;
}

export interface WebhookCallerOptions {
  readonly services: ServiceDialer;
  readonly clock: Clock;
}

interface Target {
  readonly host: string;
  readonly serverName: string;
  readonly path: string;
  dial(signal: AbortSignal): Promise<Duplex>;
}

interface Answer {
  readonly code: number;
  readonly body: Buffer;
}

/** The longest answer that is read, as upstream's client reads. */
const mostBytes = 3 * 1024 * 1024;

/** Posts JSON to webhooks over TLS; each caller's own connections are kept for the next call. */
export class WebhookCaller {
  readonly #services: ServiceDialer;
  readonly #clock: Clock;
  readonly #idle = new Map<string, TLSSocket[]>();
  readonly #followed = new WeakSet<TLSSocket>();

  constructor({ services, clock }: WebhookCallerOptions) {
    this.#services = services;
    this.#clock = clock;
  }

  /** The parsed answer. Throws `WebhookFailure` in the words of upstream's client. */
  async post(
    config: WebhookClientConfig,
    body: unknown,
    { timeoutSeconds }: { readonly timeoutSeconds: number },
  ): Promise<unknown> {
    const target = this.#targetOf(config);
    const url = `https://${target.host}${target.path}?timeout=${timeoutSeconds}s`;
    const abort = new AbortController();
    const late = new WebhookFailure(`Post "${url}": context deadline exceeded`);
    using _timer = this.#clock.after(timeoutSeconds * 1000, () => abort.abort(late));
    let answer: Answer;
    try {
      answer = await this.#exchange(target, config, {
        path: `${target.path}?timeout=${timeoutSeconds}s`,
        body: JSON.stringify(body),
        signal: abort.signal,
      });
    } catch (error) {
      if (abort.signal.aborted) throw late;
      throw new WebhookFailure(`Post "${url}": ${failureText(error)}`, { cause: error });
    }
    return parsed(answer);
  }

  #targetOf({ url, service }: WebhookClientConfig): Target {
    if (service) {
      const { namespace, name, path = '', port = 443 } = service;
      const serverName = `${name}.${namespace}.svc`;
      return {
        host: `${serverName}:${port}`,
        serverName,
        path: path || '/',
        dial: (signal) => this.#services.dial({ namespace, name, port }, { signal }),
      };
    }
    const { hostname, host, port, pathname } = new URL(url ?? '');
    const plain = hostname.replace(/^\[|\]$/g, '');
    return {
      host,
      serverName: plain,
      path: pathname,
      dial: (signal) =>
        dialTcp({ host: plain, port: Number(port || '443') }, { clock: this.#clock, signal }),
    };
  }

  async #exchange(
    target: Target,
    config: WebhookClientConfig,
    call: { readonly path: string; readonly body: string; readonly signal: AbortSignal },
  ): Promise<Answer> {
    const key = `${target.host} ${config.caBundle ?? ''}`;
    const kept = this.#take(key);
    const socket = kept ?? (await connectTo(target, config, call.signal));
    try {
      const { answer, isReusable } = await send(socket, target, call);
      if (isReusable) this.#keep(key, socket);
      return answer;
    } catch (error) {
      // A kept connection may have been closed meanwhile by the other side.
      if (!kept || call.signal.aborted) throw error;
      return this.#exchange(target, config, call);
    }
  }

  #take(key: string): TLSSocket | undefined {
    const sockets = this.#idle.get(key) ?? [];
    let socket = sockets.pop();
    while (socket?.destroyed) socket = sockets.pop();
    if (sockets.length === 0) this.#idle.delete(key);
    return socket;
  }

  #keep(key: string, socket: TLSSocket): void {
    const sockets = this.#idle.get(key);
    if (sockets) sockets.push(socket);
    else this.#idle.set(key, [socket]);
    socket.unref();
    if (this.#followed.has(socket)) return;
    this.#followed.add(socket);
    socket.once('close', () => {
      const rest = (this.#idle.get(key) ?? []).filter((each) => each !== socket);
      if (rest.length > 0) this.#idle.set(key, rest);
      else this.#idle.delete(key);
    });
  }
}

async function connectTo(
  { serverName, dial }: Target,
  { caBundle }: WebhookClientConfig,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const stream = await dial(signal);
  const options: ConnectionOptions = {
    socket: stream,
    ALPNProtocols: ['http/1.1'],
    ...(isIP(serverName) ? { host: serverName } : { servername: serverName }),
    ...(caBundle && { ca: Buffer.from(caBundle, 'base64').toString() }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect(options, () => resolve(socket));
  const fail = (error: Error): void => {
    stream.destroy();
    reject(error);
  };
  socket.once('error', fail);
  const stop = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await promise;
  } finally {
    socket.off('error', fail);
    signal.removeEventListener('abort', stop);
  }
}

async function send(
  socket: TLSSocket,
  { host }: Target,
  {
    path,
    body,
    signal,
  }: { readonly path: string; readonly body: string; readonly signal: AbortSignal },
): Promise<{ readonly answer: Answer; readonly isReusable: boolean }> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  socket.ref();
  const request = httpsRequest({
    method: 'POST',
    path,
    headers: {
      host,
      accept: 'application/json, */*',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'kube-apiserver-admission',
      connection: 'keep-alive',
    },
    createConnection: () => socket,
    signal,
  });
  request.once('error', reject);
  request.once('response', (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > mostBytes) request.destroy(new Error('http: response body too large'));
      else chunks.push(chunk);
    });
    response.once('error', reject);
    response.once('end', () =>
      resolve({ code: response.statusCode ?? 0, body: Buffer.concat(chunks) }),
    );
  });
  request.end(body);
  try {
    const answer = await promise;
    const isReusable = request.shouldKeepAlive && !socket.destroyed && socket.readable;
    if (!isReusable) socket.destroy();
    return { answer, isReusable };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Answers that are none, as upstream's client words them. */
function parsed({ code, body }: Answer): unknown {
  const text = body.toString();
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch (cause) {
    if (code < 200 || code > 206) throw new WebhookFailure(refusalText(code, text), { code });
    throw new WebhookFailure(
      `couldn't get version/kind; json parse error: ${(cause as Error).message}`,
      { cause },
    );
  }
  if (code >= 200 && code <= 206) return value;
  const { kind, message } = (value ?? {}) as { readonly kind?: string; readonly message?: string };
  throw new WebhookFailure(kind === 'Status' && message ? message : refusalText(code, text), {
    code,
  });
}

const refusals: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  403: 'unknown',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
};

function refusalText(code: number, text: string): string {
  const known = refusals[code];
  if (known) return known;
  if (code < 500)
    return `the server responded with the status code ${code} but did not return more information`;
  const shown = JSON.stringify(text.trim() || 'unknown');
  return `an error on the server (${shown}) has prevented the request from succeeding`;
}
