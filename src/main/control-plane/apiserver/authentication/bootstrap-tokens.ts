import { timingSafeEqual } from 'node:crypto';
import type { Authenticator } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { bearerToken } from '#main/control-plane/apiserver/authentication/bearer-token.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { secrets } from '#shared/api/core/secret.ts';
import type { Secret } from '#shared/api/types/core-v1.ts';
import type { Clock } from '#shared/base/clock.ts';

export interface BootstrapTokensOptions {
  readonly objects: ObjectCache;
  readonly audiences: readonly string[];
  readonly clock: Clock;
}

const tokenForm = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const defaultGroup = 'system:bootstrappers';

/** Tokens that let a new node ask for its certificate: secrets of type bootstrap.kubernetes.io/token. */
export function createBootstrapTokens(options: BootstrapTokensOptions): Authenticator {
  const { objects, audiences, clock } = options;
  return {
    name: 'bootstrap-tokens',
    async authenticate(credentials) {
      const [, id, value] = tokenForm.exec(bearerToken(credentials) ?? '') ?? [];
      if (!id || !value) return undefined;
      const secret = objects.get(secrets, {
        namespace: 'kube-system',
        name: `bootstrap-token-${id}`,
      });
      const groups = secret && groupsOf(secret, { id, value, now: clock.now() });
      const wanted = credentials.audiences ?? audiences;
      const matching = audiences.filter((audience) => wanted.includes(audience));
      if (!groups || matching.length === 0) return undefined;
      return { user: { name: `system:bootstrap:${id}`, groups }, audiences: matching };
    },
  };
}

/** The groups of whoever shows this token; nothing when the secret does not vouch for it. */
function groupsOf(
  secret: Secret,
  { id, value, now }: { id: string; value: string; now: number },
): readonly string[] | undefined {
  const read = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
  const expiration = read('expiration');
  const holds =
    !secret.metadata.deletionTimestamp &&
    secret.type === 'bootstrap.kubernetes.io/token' &&
    isEqual(read('token-secret'), value) &&
    read('token-id') === id &&
    (expiration === '' || Date.parse(expiration) > now) &&
    read('usage-bootstrap-authentication') === 'true';
  if (!holds) return undefined;
  const named = read('auth-extra-groups');
  const extra = named ? named.split(',') : [];
  if (!extra.every((group) => groupForm.test(group))) return undefined;
  return [...new Set([defaultGroup, ...extra])].sort();
}

function isEqual(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
