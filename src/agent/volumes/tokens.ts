import { serviceAccounts } from '#shared/api/core/service-account.ts';
import type { Pod, ServiceAccountTokenProjection } from '#shared/api/types/core-v1.ts';
import type { TokenRequest } from '#shared/api/types/authentication-v1.ts';
import type { VolumeContext } from './context.ts';

export interface HeldToken {
  readonly token: string;
  /** When a new one is to be asked for. */
  readonly renewAt: number;
}

const maxAgeMs = 24 * 3600 * 1000;

/** A token bound to the pod: the one at hand until four fifths of its life, or a day, have passed. */
export async function serviceAccountToken(
  pod: Pod,
  { audience = '', expirationSeconds = 3600 }: ServiceAccountTokenProjection,
  { cluster, clock, tokens }: VolumeContext,
): Promise<string> {
  const { uid, name, namespace = '' } = pod.metadata;
  const account = pod.spec.serviceAccountName ?? 'default';
  const key = [uid, account, audience, expirationSeconds].join('/');
  const held = tokens.get(key);
  const now = clock.now();
  if (held && now < held.renewAt) return held.token;
  const answer = (await cluster.post(
    serviceAccounts,
    { namespace, name: account, subresource: 'token' },
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    },
  )) as TokenRequest;
  const { token, expirationTimestamp } = answer.status;
  const endsAt = expirationTimestamp ? Date.parse(expirationTimestamp) : now;
  const renewAt = now + Math.min((endsAt - now) * 0.8, maxAgeMs);
  tokens.set(key, { token, renewAt });
  return token;
}
