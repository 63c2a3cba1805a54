import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { ServiceDialer } from '#main/control-plane/apiserver/service-dialer.ts';
import type { APIService } from '#shared/api/types/apiregistration-v1.ts';

/** What this server shows to others of its kind, so that they believe who it says a caller is. */
export interface ProxyCredentials {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

export interface AggregationLink {
  readonly services: ServiceDialer;
  readonly credentials: ProxyCredentials;
}

/** The host by which another API server goes: its service's name within the cluster. */
export function hostOfService({ service }: APIService['spec']): string {
  const { name = '', namespace = '' } = service ?? {};
  return `${name}.${namespace}.svc`;
}

/** A TLS connection to the API server behind an APIService, as the front proxy. */
export async function connectToService(
  { services, credentials }: AggregationLink,
  spec: APIService['spec'],
  signal: AbortSignal,
): Promise<Duplex> {
  const { name = '', namespace = '', port = 443 } = spec.service ?? {};
  const stream = await services.dial({ name, namespace, port }, { signal });
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const socket = connect(
    {
      socket: stream,
      servername: hostOfService(spec),
      ALPNProtocols: ['http/1.1'],
      cert: credentials.certificate,
      key: credentials.key,
      ...(spec.caBundle && { ca: Buffer.from(spec.caBundle, 'base64').toString() }),
      rejectUnauthorized: spec.insecureSkipTLSVerify !== true,
    },
    () => resolve(socket),
  );
  const stop = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  socket.once('error', (error) => {
    stream.destroy();
    reject(error);
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** The headers by which the front proxy says for whom it asks. */
export function identityHeaders(user: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    'x-remote-user': user.name,
    ...(user.uid && { 'x-remote-uid': user.uid }),
    ...(user.groups.length > 0 && { 'x-remote-group': [...user.groups] }),
  };
  for (const [key, values] of Object.entries(user.extra ?? {})) {
    headers[`x-remote-extra-${escapedKey(key)}`] = [...values];
  }
  return headers;
}

/** Header names have fewer characters than keys: the others are percent-encoded, in lower case. */
function escapedKey(key: string): string {
  return key
    .toLowerCase()
    .replaceAll(/[^!#$&'*+\-.^_`|~\da-z]/g, (character) => encodeURIComponent(character));
}
