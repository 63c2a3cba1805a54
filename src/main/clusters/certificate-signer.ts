import type { KeyPair } from '#main/clusters/pki.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { CertificateSigner } from '#shared/api/certificates/signers.ts';

const minuteMs = 60_000;
const dayMs = 1440 * minuteMs;
const longestLifeMs = 365 * dayMs;
const shortestLifeMs = 10 * minuteMs;
const backdateMs = 5 * minuteMs;
/** The end of what lives longer than this is set back like its beginning, as upstream's signer does. */
const shortLifeMs = 480 * minuteMs;

export interface CertificateSignerOptions {
  readonly authority: KeyPair;
  readonly clock: Clock;
}

/** Signs with an authority that is on this machine. */
export function createCertificateSigner(options: CertificateSignerOptions): CertificateSigner {
  const { authority, clock } = options;
  return {
    async sign({ request, usages, expirationSeconds }) {
      const { signRequest } = await import('#main/clusters/x509-requests.ts');
      const now = clock.now();
      const lifeMs = lifeOf(expirationSeconds);
      const end = now + (lifeMs < shortLifeMs ? lifeMs : lifeMs - backdateMs);
      return signRequest(authority, {
        request: Buffer.from(request, 'base64').toString(),
        usages,
        notBefore: new Date(now - backdateMs),
        notAfter: new Date(end),
      });
    },
  };
}

function lifeOf(expirationSeconds: number | undefined): number {
  if (expirationSeconds === undefined) return longestLifeMs;
  return Math.min(Math.max(expirationSeconds * 1000, shortestLifeMs), longestLifeMs);
}
