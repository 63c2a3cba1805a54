import { request as plainRequest, type IncomingHttpHeaders } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:net';
import type { Container, HTTPGetAction, TCPSocketAction } from '#shared/api/types/core-v1.ts';
import type { Clock } from '#shared/base/clock.ts';

export interface Target {
  readonly container: Container;
  /** Where the pod listens. */
  readonly podIp: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

export interface HandlerOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly userAgent: string;
}

const maxBodyBytes = 10 * 1024;
const maxRedirects = 10;

/** A port by number or by the name that the container gives it. */
export function portNumber(port: number | string, container: Container): number {
  const number = Number(port);
  if (Number.isInteger(number)) return number;
  const named = container.ports?.find(({ name }) => name === port);
  if (named) return named.containerPort;
  throw new Error(`couldn't find port by name ${port} in container ${container.name}`);
}

/** One GET as probes and hooks make it. A redirect to another host is an answer of its own. */
export async function httpGet(
  { host, port, path = '/', scheme = 'HTTP', httpHeaders = [] }: HTTPGetAction,
  { container, podIp }: Target,
  options: HandlerOptions,
): Promise<HttpAnswer> {
  const name = host || podIp;
  const authority = name.includes(':') ? `[${name}]` : name;
  const start = new URL(
    path.startsWith('/') ? path : `/${path}`,
    `${scheme.toLowerCase()}://${authority}:${portNumber(port, container)}`,
  );
  const headers: Record<string, string> = { accept: '*/*', 'user-agent': options.userAgent };
  for (const { name: header, value } of httpHeaders) headers[header.toLowerCase()] = value;
  let url = start;
  for (let redirects = 0; ; redirects++) {
    const answer = await getOnce(url, headers, options);
    const { location } = answer.headers;
    const isRedirect = answer.status >= 300 && answer.status < 400 && location !== undefined;
    if (!isRedirect) return answer;
    const next = new URL(location, url);
    if (next.hostname !== start.hostname) return answer;
    if (redirects >= maxRedirects) throw new Error(`stopped after ${maxRedirects} redirects`);
    url = next;
  }
}

async function getOnce(
  url: URL,
  headers: Readonly<Record<string, string>>,
  { clock, timeoutMs, signal }: HandlerOptions,
): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const send = url.protocol === 'https:' ? secureRequest : plainRequest;
  const outgoing = send(url, {
    headers,
    agent: false,
    rejectUnauthorized: false,
    ...(signal && { signal }),
  });
  using _timeout = clock.after(timeoutMs, () =>
    outgoing.destroy(
      new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)'),
    ),
  );
  outgoing.once('error', reject);
  outgoing.once('response', (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      if (body.length < maxBodyBytes) body += chunk;
    });
    response.once('error', reject);
    response.once('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        body: body.slice(0, maxBodyBytes),
        headers: response.headers,
      }),
    );
  });
  outgoing.end();
  try {
    return await promise;
  } catch (error) {
    throw new Error(`Get "${url.href}": ${describe(error as NodeJS.ErrnoException, url)}`, {
      cause: error,
    });
  }
}

/** Resolves once a connection stands. */
export async function tcpConnect(
  { host, port }: TCPSocketAction,
  { container, podIp }: Target,
  { clock, timeoutMs, signal }: HandlerOptions,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const target = { host: host || podIp, port: portNumber(port, container) };
  const socket = connect({ ...target, ...(signal && { signal }) });
  using _timeout = clock.after(timeoutMs, () =>
    reject(new Error(`dial tcp ${target.host}:${target.port}: i/o timeout`)),
  );
  socket.once('connect', () => resolve());
  socket.once('error', (error: NodeJS.ErrnoException) =>
    reject(new Error(`dial tcp ${target.host}:${target.port}: ${reasonOf(error)}`)),
  );
  try {
    await promise;
  } finally {
    socket.destroy();
  }
}

function describe(error: NodeJS.ErrnoException, { hostname, port }: URL): string {
  return error.syscall === 'connect'
    ? `dial tcp ${hostname}:${port}: ${reasonOf(error)}`
    : error.message;
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ECONNREFUSED') return 'connect: connection refused';
  if (code === 'EHOSTUNREACH') return 'connect: no route to host';
  return code === 'ETIMEDOUT' ? 'i/o timeout' : message;
}
