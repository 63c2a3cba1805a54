import { X509Certificate, createHash } from 'node:crypto';
import type {
  Authenticated,
  Authenticator,
  Credentials,
} from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { credentialIdKey } from '#main/control-plane/apiserver/authentication/users.ts';
import type { Clock } from '#shared/base/clock.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface ClientCertificatesOptions {
  /** PEM of the authorities that vouch for clients; one or more certificates. */
  readonly authorities: string;
  readonly clock: Clock;
}

const clientAuthUsages = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0'];
const uidOid = '1.3.6.1.4.1.57683.2';
const longestChain = 8;

/**
 * The common name is the user and each organization a group, for a certificate that chains up to one
 * of the authorities. A chain is verified once for as long as the TLS layer hands in the same array.
 */
export function createClientCertificates(options: ClientCertificatesOptions): Authenticator {
  const { clock } = options;
  const authorities = certificatesIn(options.authorities);
  const verified = new WeakMap<readonly Uint8Array[], Verified>();

  return {
    name: 'client-certificates',
    async authenticate({ certificates }: Credentials) {
      if (!certificates || certificates.length === 0) return undefined;
      const known = verified.get(certificates);
      if (known && clock.now() <= known.notAfter) return known.who;
      const [leaf, ...others] = certificates.map((der) => new X509Certificate(der));
      const chain = verify(leaf!, { intermediates: others, authorities, now: clock.now() });
      if (!chain)
        throw new ApiError(
          'Unauthorized',
          `verifying certificate SN=${BigInt(`0x${leaf!.serialNumber}`)} failed: it is expired, not for clients, or no authority of this cluster signed it`,
        );
      const who = identityOf(leaf!);
      verified.set(certificates, { who, notAfter: Math.min(...chain.map(endOf)) });
      return who;
    },
  };
}

interface Verified {
  readonly who: Authenticated | undefined;
  readonly notAfter: number;
}

interface Trust {
  readonly intermediates: readonly X509Certificate[];
  readonly authorities: readonly X509Certificate[];
  readonly now: number;
}

/** The chain from the leaf to an authority, if one holds at this time. */
function verify(leaf: X509Certificate, trust: Trust): X509Certificate[] | undefined {
  const usages = (leaf as { keyUsage?: readonly string[] }).keyUsage;
  if (usages && !usages.some((usage) => clientAuthUsages.includes(usage))) return undefined;
  return chainFrom([leaf], trust);
}

function chainFrom(chain: X509Certificate[], trust: Trust): X509Certificate[] | undefined {
  const last = chain.at(-1)!;
  if (!isCurrent(last, trust.now)) return undefined;
  const root = trust.authorities.find(
    (authority) => isCurrent(authority, trust.now) && isIssuedBy(last, authority),
  );
  if (root) return [...chain, root];
  if (chain.length >= longestChain) return undefined;
  for (const issuer of trust.intermediates) {
    if (chain.includes(issuer) || !issuer.ca || !isIssuedBy(last, issuer)) continue;
    const found = chainFrom([...chain, issuer], trust);
    if (found) return found;
  }
  return undefined;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isCurrent(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now <= endOf(certificate);
}

function endOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo);
}

function identityOf(leaf: X509Certificate): Authenticated | undefined {
  const subject = leaf.toLegacyObject().subject as Readonly<
    Record<string, string | string[] | undefined>
  >;
  const valuesOf = (name: string): string[] => [subject[name] ?? []].flat();
  const name = valuesOf('CN').at(-1);
  if (!name) return undefined;
  const [uid] = valuesOf(uidOid);
  const fingerprint = createHash('sha256').update(leaf.raw).digest('hex');
  return {
    user: {
      name,
      ...(uid && { uid }),
      groups: valuesOf('O'),
      extra: { [credentialIdKey]: [`X509SHA256=${fingerprint}`] },
    },
  };
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
