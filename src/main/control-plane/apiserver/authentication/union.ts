import type {
  Authenticated,
  Authenticator,
  Credentials,
  UserInfo,
} from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { bearerToken } from '#main/control-plane/apiserver/authentication/bearer-token.ts';
import {
  allAuthenticated,
  allUnauthenticated,
  anonymousName,
} from '#main/control-plane/apiserver/authentication/users.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface UnionOptions {
  /** Asked in this order; the first that knows the caller decides. */
  readonly authenticators: readonly Authenticator[];
  /** Asked for callers that show nothing at all. */
  readonly anonymous?: Authenticator;
}

/**
 * Asks one authenticator after the other, as upstream's union does: credentials that one of them
 * finds wrong may still hold for a later one. Whoever shows credentials that nobody accepts is refused,
 * and never anonymous. Everybody else is in `system:authenticated`.
 */
export function createAuthenticator({ authenticators, anonymous }: UnionOptions): Authenticator {
  /** The same answer of an authenticator gives the same user: others keep what they know by it. */
  const marked = new WeakMap<Authenticated, Authenticated>();
  return {
    name: 'union',
    async authenticate(credentials) {
      const failures: unknown[] = [];
      for (const authenticator of authenticators) {
        try {
          const known = await authenticator.authenticate(credentials);
          if (known) {
            const answer = marked.get(known) ?? withGroup(known);
            marked.set(known, answer);
            return answer;
          }
        } catch (error) {
          if (!ApiError.is(error, 'Unauthorized')) throw error;
          failures.push(error);
        }
      }
      if (failures.length === 0 && !hasToken(credentials) && anonymous)
        return anonymous.authenticate(credentials);
      throw new ApiError('Unauthorized', 'Unauthorized', {
        cause: failures.length === 1 ? failures[0] : new AggregateError(failures, whyOf(failures)),
      });
    },
  };
}

/** Upstream's words where a token means nothing to anybody, and its way of listing several. */
function whyOf(failures: readonly unknown[]): string {
  if (failures.length === 0) return 'invalid bearer token';
  return `[${failures.map((failure) => (failure as Error).message).join(', ')}]`;
}

function hasToken(credentials: Credentials): boolean {
  return bearerToken(credentials) !== undefined;
}

function withGroup(known: Authenticated): Authenticated {
  const { user } = known;
  return isMarked(user)
    ? known
    : { ...known, user: { ...user, groups: [...user.groups, allAuthenticated] } };
}

function isMarked({ name, groups }: UserInfo): boolean {
  return (
    name === anonymousName ||
    groups.includes(allAuthenticated) ||
    groups.includes(allUnauthenticated)
  );
}
