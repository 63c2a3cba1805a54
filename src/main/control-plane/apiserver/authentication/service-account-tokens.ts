import type {
  Authenticated,
  Authenticator,
} from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { bearerToken } from '#main/control-plane/apiserver/authentication/bearer-token.ts';
import {
  decodeToken,
  isSigned,
  type Payload,
} from '#main/control-plane/apiserver/authentication/json-web-token.ts';
import {
  legacyIssuer,
  type TokenIssuer,
} from '#main/control-plane/apiserver/authentication/token-issuer.ts';
import {
  boundAccount,
  legacyAccount,
  type Account,
  type AccountCheck,
} from '#main/control-plane/apiserver/authentication/service-account-claims.ts';
import {
  credentialIdKey,
  serviceAccountGroups,
  serviceAccountName,
} from '#main/control-plane/apiserver/authentication/users.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import type { Clock } from '#shared/base/clock.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface ServiceAccountTokensOptions {
  readonly issuer: TokenIssuer;
  readonly objects: ObjectCache;
  readonly clock: Clock;
}

/** How many tokens are remembered as genuine; the oldest are forgotten first. */
const rememberedTokens = 10_000;
const leewaySeconds = 60;
const extraPrefix = 'authentication.kubernetes.io/';

/**
 * Tokens that the cluster's own issuer signed. The signature is checked once for each token; that it
 * still holds (its time, its account, what it is bound to) is checked each time.
 */
export function createServiceAccountTokens(options: ServiceAccountTokensOptions): Authenticator {
  const { issuer, objects, clock } = options;
  const genuine = new Map<string, Genuine>();

  return {
    name: 'service-account-tokens',
    async authenticate(credentials) {
      const token = bearerToken(credentials);
      const known = token === undefined ? undefined : (genuine.get(token) ?? read(token));
      if (token === undefined || !known) return undefined;
      checkTime(known.payload, clock.now() / 1000);
      const audiences = matchingAudiences(known, credentials.audiences ?? issuer.audiences);
      known.check({ objects, now: clock.now(), token });
      return known.answerFor(audiences);
    },
  };

  /** Nothing for what somebody else issued. */
  function read(token: string): Genuine | undefined {
    const decoded = decodeToken(token);
    const { iss } = decoded?.payload ?? {};
    if (!decoded || (iss !== issuer.issuer && iss !== legacyIssuer)) return undefined;
    if (!isSigned(decoded, issuer.verificationKeys)) throw refused('invalid signature');
    const read = iss === legacyIssuer ? legacyAccount : boundAccount;
    const found = new Genuine(decoded.payload, read(decoded.payload), issuer.audiences);
    if (genuine.size >= rememberedTokens) genuine.delete(genuine.keys().next().value!);
    genuine.set(token, found);
    return found;
  }
}

/** A token whose signature holds, with its answers made once, so that equal callers are the same object. */
class Genuine {
  readonly payload: Payload;
  readonly audiences: readonly string[];
  readonly check: AccountCheck;
  readonly #account: Account;
  readonly #answers = new Map<string, Authenticated>();

  constructor(payload: Payload, account: Account, implicitAudiences: readonly string[]) {
    const own = [payload.aud ?? []].flat();
    this.payload = payload;
    this.audiences = own.length > 0 ? own : implicitAudiences;
    this.check = account.check;
    this.#account = account;
  }

  answerFor(audiences: readonly string[]): Authenticated {
    const key = audiences.join('\0');
    let answer = this.#answers.get(key);
    if (!answer) {
      answer = { user: userOf(this.#account), audiences };
      this.#answers.set(key, answer);
    }
    return answer;
  }
}

function checkTime({ exp, nbf, iat }: Payload, now: number): void {
  if (nbf !== undefined && now + leewaySeconds < nbf)
    throw refused('service account token is not valid yet');
  if (exp !== undefined && now - leewaySeconds > exp)
    throw refused('service account token has expired');
  if (iat !== undefined && now + leewaySeconds < iat)
    throw refused('service account token is issued in the future');
}

function matchingAudiences(known: Genuine, wanted: readonly string[]): readonly string[] {
  const matching = known.audiences.filter((audience) => wanted.includes(audience));
  if (matching.length > 0) return matching;
  throw refused(
    `token audiences ${quoted(known.audiences)} is invalid for the target audiences ${quoted(wanted)}`,
  );
}

function userOf(account: Account): Authenticated['user'] {
  const { namespace, name, uid, pod, node, credentialId } = account;
  const extra: Record<string, readonly string[]> = {
    ...(pod && { [`${extraPrefix}pod-name`]: [pod.name], [`${extraPrefix}pod-uid`]: [pod.uid] }),
    ...(credentialId && { [credentialIdKey]: [`JTI=${credentialId}`] }),
    ...(node && { [`${extraPrefix}node-name`]: [node.name] }),
    ...(node?.uid && { [`${extraPrefix}node-uid`]: [node.uid] }),
  };
  return {
    name: serviceAccountName(namespace, name),
    uid,
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

function quoted(items: readonly string[]): string {
  return `[${items.map((item) => JSON.stringify(item)).join(' ')}]`;
}

function refused(why: string): ApiError {
  return new ApiError('Unauthorized', why);
}
