import { createPrivateKey, randomUUID } from 'node:crypto';
import {
  signToken,
  verificationKey,
  type Payload,
  type VerificationKey,
} from '#main/control-plane/apiserver/authentication/json-web-token.ts';
import { serviceAccountName } from '#main/control-plane/apiserver/authentication/users.ts';
import type { Clock } from '#shared/base/clock.ts';

export interface ServiceAccountKeyPair {
  /** PEM, RSA */
  readonly privateKey: string;
  readonly publicKey: string;
}

export interface TokenIssuerOptions {
  /** The URL that stands in tokens as `iss`, and what tokens are for unless they say so. */
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly keys: ServiceAccountKeyPair;
  /** Public keys that tokens were signed with before. */
  readonly formerKeys?: readonly string[];
  readonly clock: Clock;
}

/** The name and uid of an object that a token speaks of. */
export interface Reference {
  readonly name: string;
  readonly uid?: string;
}

/** What a token for a service account is to say. */
export interface TokenSubject {
  readonly namespace: string;
  readonly serviceAccount: Reference;
  readonly pod?: Reference;
  readonly secret?: Reference;
  /** With a pod: where that runs. Alone: what the token is bound to. */
  readonly node?: Reference;
}

export interface TokenLife {
  readonly audiences: readonly string[];
  readonly seconds: number;
  /** From then on the token is stale, though it still holds. */
  readonly warnAfterSeconds?: number;
}

/** Signs service-account tokens, and tells the world how to verify them. */
export interface TokenIssuer {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly verificationKeys: readonly VerificationKey[];
  issue(subject: TokenSubject, life: TokenLife): Promise<string>;
  /** The endless token of a secret of type kubernetes.io/service-account-token, with these claims. */
  issueLegacy(claims: Readonly<Record<string, string>>): Promise<string>;
  /** RFC 7517, served at /openid/v1/jwks. */
  jwks(): unknown;
  /** Served at /.well-known/openid-configuration. */
  openIdConfiguration(jwksUri: string): unknown;
}

export const defaultIssuer = 'https://kubernetes.default.svc.cluster.local';
export const legacyIssuer = 'kubernetes/serviceaccount';

export function createTokenIssuer(options: TokenIssuerOptions): TokenIssuer {
  const { issuer, audiences, keys, clock } = options;
  const own = verificationKey(keys.publicKey);
  const signingKey = { id: own.id, privateKey: createPrivateKey(keys.privateKey) };
  const verificationKeys = [own, ...(options.formerKeys ?? []).map(verificationKey)];
  return {
    issuer,
    audiences,
    verificationKeys,
    issue: (subject, life) => signToken(claims(issuer, subject, { ...life, clock }), signingKey),
    issueLegacy: (own) => signToken({ ...own, iss: legacyIssuer }, signingKey),
    jwks: () => ({ keys: verificationKeys.map(jwkOf) }),
    openIdConfiguration: (jwksUri) => ({
      issuer,
      jwks_uri: jwksUri,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    }),
  };
}

/** Members in the order that upstream's encoder gives them: by name. */
function claims(
  issuer: string,
  { namespace, serviceAccount, pod, secret, node }: TokenSubject,
  { audiences, seconds, warnAfterSeconds, clock }: TokenLife & { readonly clock: Clock },
): Payload {
  const now = Math.floor(clock.now() / 1000);
  return {
    aud: audiences,
    exp: now + seconds,
    iat: now,
    iss: issuer,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace,
      ...(node && { node: reference(node) }),
      ...(pod && { pod: reference(pod) }),
      ...(secret && { secret: reference(secret) }),
      serviceaccount: reference(serviceAccount),
      ...(warnAfterSeconds && { warnafter: now + warnAfterSeconds }),
    },
    nbf: now,
    sub: serviceAccountName(namespace, serviceAccount.name),
  };
}

function reference({ name, uid }: Reference): Reference {
  return { name, ...(uid && { uid }) };
}

function jwkOf({ id, key }: VerificationKey): unknown {
  const { kty, n, e } = key.export({ format: 'jwk' });
  return { use: 'sig', kty, kid: id, alg: 'RS256', n, e };
}
