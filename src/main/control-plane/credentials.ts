import { hostname, networkInterfaces } from 'node:os';
import { apiServerCertificate, clientCertificates } from '#main/clusters/certificates.ts';
import { openPki, type CertificateSpec, type KeyPair, type Pki } from '#main/clusters/pki.ts';
import type { ServiceAccountKeyPair } from '#main/control-plane/apiserver/authentication/token-issuer.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';

export interface CredentialOptions {
  /** The folder of the cluster's certificates. */
  readonly pki: string;
  readonly serviceRange: string;
  readonly clock: Clock;
  readonly log: Log;
}

const clusterDomain = 'cluster.local';
const renewalCheckMs = 12 * 3_600_000;

/** What a control plane shows to others, and signs with. */
export interface Credentials {
  readonly pki: Pki;
  readonly serving: KeyPair;
  readonly admin: KeyPair;
  readonly serviceAccountKeys: ServiceAccountKeyPair;
  /** What other API servers know this one by. */
  readonly frontProxy: KeyPair;
}

/** All at once: on the first start most of this time goes into making keys. */
export async function openCredentials(options: CredentialOptions): Promise<Credentials> {
  const pki = await openPki({ folder: options.pki, clock: options.clock });
  const { admin, frontProxyClient, ...others } = clientCertificates;
  const [serving, adminPair, frontProxy, serviceAccountKeys] = await Promise.all([
    pki.certificate(servingSpec(options)),
    pki.certificate(admin),
    pki.certificate(frontProxyClient),
    pki.serviceAccountKey(),
    ...Object.values(others).map((spec) => pki.certificate(spec)),
  ]);
  return { pki, serving, admin: adminPair, frontProxy, serviceAccountKeys };
}

function servingSpec({ serviceRange }: Pick<CredentialOptions, 'serviceRange'>): CertificateSpec {
  const hostNames = [hostname().toLowerCase(), ...addresses()];
  return apiServerCertificate({
    serviceAddress: firstAddress(serviceRange),
    clusterDomain,
    hostNames,
  });
}

/** Looks twice a day whether a certificate is due, and shows the new one to whoever connects. */
export function keepCertificates(
  options: Pick<CredentialOptions, 'serviceRange' | 'clock' | 'log'>,
  pki: Pki,
  show: (tls: { readonly key: string; readonly cert: string }) => void,
): AsyncDisposable {
  const { clock, log } = options;
  const stop = new AbortController();
  const running = (async () => {
    for (;;) {
      await sleep(clock, renewalCheckMs, stop.signal).catch(() => {}); // only ends early when stopped
      if (stop.signal.aborted) return;
      try {
        const files = await pki.renew();
        if (files.length === 0) continue;
        log.info('Certificates renewed', { files });
        const { key, certificate } = await pki.certificate(servingSpec(options));
        show({ key, cert: certificate });
      } catch (error) {
        log.error('Cannot renew certificates; trying again in some hours', { error });
      }
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** The machine's own addresses that others can use. */
export function addresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((own) => own ?? []);
  return all.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address);
}

/** `10.96.0.1` of `10.96.0.0/16`. */
export function firstAddress(cidr: string): string {
  const [base = ''] = cidr.split('/');
  return base.replace(/\d+$/, (last) => String(Number(last) + 1));
}
