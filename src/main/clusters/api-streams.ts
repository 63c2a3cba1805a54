import { request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import type { ServerAccess } from '#main/clusters/https-transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Status } from '#shared/kube/types/meta-v1.ts';

/** The text that a path answers with, piece by piece as it comes. Leaving the loop ends the request. */
export async function* readText(
  access: ServerAccess,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request(new URL(path, access.server), { ...secretsOf(access), signal });
  outgoing.once('response', resolve);
  outgoing.once('error', (cause) => reject(signal.aborted ? signal.reason : lost(access, cause)));
  outgoing.end();
  const response = await promise;
  const code = response.statusCode ?? 0;
  if (code >= 400) throw refusalOf(code, await text(response));
  response.setEncoding('utf8');
  yield* response as AsyncIterable<string>;
}

/** Makes a connection to the API something else, by HTTP's own upgrade. */
export async function upgrade(
  access: ServerAccess,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly socket: Duplex; readonly head: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ socket: Duplex; head: Buffer }>();
  const outgoing = request(new URL(path, access.server), {
    ...secretsOf(access),
    method: 'POST',
    headers: { ...headersOf(access), connection: 'Upgrade', 'content-length': 0, ...headers },
  });
  outgoing.once('upgrade', (_response, socket, head) => resolve({ socket, head }));
  outgoing.once('response', (response) => {
    text(response).then((body) => reject(refusalOf(response.statusCode ?? 0, body)), reject);
  });
  outgoing.once('error', (cause) => reject(lost(access, cause)));
  outgoing.end();
  return promise;
}

/** A WebSocket that is open; throws the server's own words when it refuses. */
export async function openWebSocket(
  access: ServerAccess,
  path: string,
  protocol: string,
): Promise<WebSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const url = new URL(path, access.server.replace(/^http/, 'ws'));
  const socket = new WebSocket(url, [protocol], {
    ...secretsOf(access),
    headers: headersOf(access),
  });
  socket.once('open', () => resolve(socket));
  socket.once('unexpected-response', (_request, response) => {
    text(response).then((body) => reject(refusalOf(response.statusCode ?? 0, body)), reject);
  });
  socket.once('error', (cause) => reject(lost(access, cause)));
  return promise;
}

function secretsOf(access: ServerAccess): RequestOptions {
  const { ca, clientCertificate, clientKey } = access;
  return {
    // A stream of its own, which nothing else waits for.
    agent: false,
    headers: headersOf(access),
    ...(ca !== undefined && { ca }),
    ...(clientCertificate !== undefined && { cert: clientCertificate }),
    ...(clientKey !== undefined && { key: clientKey }),
  };
}

function headersOf({ token }: ServerAccess): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

function lost({ server }: ServerAccess, cause: Error): ApiError {
  return new ApiError('ServiceUnavailable', `Cannot reach ${server}: ${cause.message}`, { cause });
}

function refusalOf(code: number, body: string): ApiError {
  try {
    const status = JSON.parse(body) as Status;
    if (status.kind === 'Status') return ApiError.fromStatus(status);
  } catch {
    // Not from an API server but from something on the way: its own words are all there is.
  }
  return new ApiError('Unknown', `The server answered ${code}: ${body.slice(0, 200)}`, { code });
}
