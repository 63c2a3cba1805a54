import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** A public key by the id that tokens name it by. */
export interface VerificationKey {
  readonly id: string;
  readonly key: KeyObject;
}

/** The key with upstream's id for it: the SHA-256 of its DER form. */
export function verificationKey(pem: string): VerificationKey {
  const key = createPublicKey(pem);
  const der = key.export({ type: 'spki', format: 'der' });
  return { id: createHash('sha256').update(der).digest('base64url'), key };
}

export interface Payload {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string | readonly string[];
  readonly exp?: number;
  readonly nbf?: number;
  readonly iat?: number;
  readonly jti?: string;
  readonly [claim: string]: unknown;
}

/** A token taken apart; nothing about it has been verified. */
export interface DecodedToken {
  readonly algorithm: unknown;
  readonly keyId: unknown;
  readonly payload: Payload;
  readonly signed: string;
  readonly signature: Buffer;
}

/** Nothing when this is no JSON web token at all. */
export function decodeToken(token: string): DecodedToken | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  const [head, body, signature] = parts as [string, string, string];
  const header = decodeJson(head);
  const payload = decodeJson(body);
  if (!header || !payload) return undefined;
  return {
    algorithm: header['alg'],
    keyId: header['kid'],
    payload,
    signed: `${head}.${body}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

/** True when one of the keys, the one that the token names if it names one, has signed it with RS256. */
export function isSigned(token: DecodedToken, keys: readonly VerificationKey[]): boolean {
  if (token.algorithm !== 'RS256') return false;
  const candidates = token.keyId ? keys.filter(({ id }) => id === token.keyId) : keys;
  const signed = Buffer.from(token.signed);
  return candidates.some(({ key }) => verify('sha256', signed, key, token.signature));
}

const signAsync = promisify(sign);

/** A compact RS256 token. */
export async function signToken(
  payload: Payload,
  { id, privateKey }: { readonly id: string; readonly privateKey: KeyObject },
): Promise<string> {
  const header = encodeJson({ alg: 'RS256', kid: id });
  const signed = `${header}.${encodeJson(payload)}`;
  const signature = await signAsync('sha256', Buffer.from(signed), privateKey);
  return `${signed}.${signature.toString('base64url')}`;
}

function encodeJson(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decodeJson(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return value as Record<string, unknown>;
  } catch {
    return undefined; // not JSON: then it is not ours to judge
  }
}
