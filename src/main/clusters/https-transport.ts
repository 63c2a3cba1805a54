import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import {
  createHttpTransport,
  type HttpRequest,
  type HttpTransport,
} from '#shared/client/http-transport.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface ServerAccess {
  /** Such as `https://127.0.0.1:6443`. */
  readonly server: string;
  /** PEM of the authorities that the server's certificate is checked against. */
  readonly ca?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly token?: string;
}

/** A way to any API server, ours or a foreign one; disposing closes the connections it kept. */
export function createHttpsTransport(access: ServerAccess): HttpTransport & Disposable {
  const agent = new Agent({ keepAlive: true });
  const transport = createHttpTransport(async (outgoing) => {
    const response = await answer(access, agent, outgoing);
    response.setEncoding('utf8');
    return {
      code: response.statusCode ?? 0,
      contentType: response.headers['content-type'] ?? '',
      body: response,
    };
  });
  return Object.assign(transport, { [Symbol.dispose]: () => agent.destroy() });
}

async function answer(
  { server, ca, clientCertificate, clientKey, token }: ServerAccess,
  agent: Agent,
  { method, path, headers, body, signal }: HttpRequest,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request(new URL(path, server), {
    agent,
    method,
    headers: {
      ...headers,
      ...(token && { authorization: `Bearer ${token}` }),
      // Node frames no body of a DELETE by itself: the server would take it for the next request.
      ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    },
    ...(ca !== undefined && { ca }),
    ...(clientCertificate !== undefined && { cert: clientCertificate }),
    ...(clientKey !== undefined && { key: clientKey }),
    ...(signal && { signal }),
  });
  outgoing.once('response', resolve);
  outgoing.once('error', (cause) =>
    reject(signal?.aborted ? signal.reason : unreachable(server, cause)),
  );
  outgoing.end(body);
  return await promise;
}

function unreachable(server: string, cause: Error): ApiError {
  return new ApiError('ServiceUnavailable', `Cannot reach ${server}: ${cause.message}`, { cause });
}
