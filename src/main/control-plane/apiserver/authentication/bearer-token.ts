import type { Credentials } from '#main/control-plane/apiserver/authentication/authenticator.ts';

const protocolPrefix = 'base64url.bearer.authorization.k8s.io.';

/**
 * The token that a caller shows: in the Authorization header, or, from a browser's WebSocket, as one
 * of the protocols it offers. Nothing when there is none.
 */
export function bearerToken({ authorization, headers }: Credentials): string | undefined {
  const [scheme, token] = (authorization ?? '').trim().split(' ', 2);
  if (scheme?.toLowerCase() === 'bearer' && token) return token;
  return webSocketToken(headers['sec-websocket-protocol']);
}

function webSocketToken(header: Credentials['headers'][string]): string | undefined {
  if (header === undefined) return undefined;
  const protocols = [header].flat().flatMap((line) => line.split(','));
  const offered = protocols
    .map((name) => name.trim())
    .find((name) => name.startsWith(protocolPrefix));
  if (!offered) return undefined;
  return Buffer.from(offered.slice(protocolPrefix.length), 'base64url').toString() || undefined;
}
