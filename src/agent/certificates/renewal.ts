import { createHash, generateKeyPair, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { certificateRequest } from '#agent/certificates/certificate-request.ts';
import {
  heldCertificate,
  keepCertificate,
  problemOf,
  servingNames,
  type CertificateUse,
  type HeldCertificate,
} from '#agent/certificates/held-certificates.ts';
import type { AgentParts } from '#agent/settings.ts';
import { certificateSigningRequests } from '#agent/api/resources.ts';
import { signerNames } from '#shared/api/certificates/signers.ts';
import { sleep } from '#shared/base/clock.ts';
import { exponential, KeyedLoop, type Again } from '#shared/base/keyed-loop.ts';

export interface RenewalOptions extends AgentParts {
  /** Another certificate is in use from now on. */
  renewed(use: CertificateUse): void;
}

const uses = {
  client: { signerName: signerNames.kubeletClient, usage: 'client auth' },
  serving: { signerName: signerNames.kubeletServing, usage: 'server auth' },
} as const satisfies Readonly<Record<CertificateUse, object>>;

/** A wall clock may be set: nobody relies on one long sleep. */
const longestSleepMs = 3_600_000;
/** As long as upstream's kubelet waits for one request. */
const patienceMs = 15 * 60_000;
const firstLookMs = 500;
const longestLookMs = 30_000;

/**
 * Has the node's certificates renewed through the API before they end, as upstream's kubelet does: by
 * requests to the signers for kubelets, after seven to nine tenths of their life.
 */
export function startRenewal(options: RenewalOptions): AsyncDisposable {
  const { clock } = options;
  const log = options.log.child({ component: 'certificates' });
  const loop = new KeyedLoop<CertificateUse>({
    clock,
    concurrency: 2,
    backoffMs: exponential(60_000, longestSleepMs),
    onError: (use, error) =>
      log.warn('Cannot renew a certificate of this node; trying again', { use, error }),
    async run(use, signal): Promise<Again> {
      const { settings } = options;
      const dueInMs = renewalTime(heldCertificate(settings, use).certificate) - clock.now();
      if (dueInMs > 0) return { afterMs: Math.min(dueInMs, longestSleepMs) };
      const fresh = await requested(options, use, signal);
      const problem = problemOf(settings, use, fresh);
      if (problem !== undefined)
        throw new Error(`Cannot use the certificate that came: ${problem}`);
      await keepCertificate(settings, use, fresh);
      options.renewed(use);
      log.info('A certificate of this node is renewed', { use });
      return { afterMs: longestSleepMs };
    },
  });
  for (const use of Object.keys(uses) as CertificateUse[]) loop.add(use);
  return loop;
}

/** When this certificate is due, in milliseconds since 1970: somewhere that is its own, so that not all nodes come at once. */
export function renewalTime(pem: string): number {
  const { validFrom, validTo, raw } = new X509Certificate(pem);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  const own = createHash('sha256').update(raw).digest()[0]! / 0xff;
  return from + (to - from) * (0.7 + 0.2 * own);
}

/** Asks for a certificate for a new key and waits for it. */
async function requested(
  { settings, cluster, clock }: RenewalOptions,
  use: CertificateUse,
  signal: AbortSignal,
): Promise<HeldCertificate> {
  const keys = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const { signerName, usage } = uses[use];
  const names = {
    commonName: `system:node:${settings.nodeName}`,
    organization: 'system:nodes',
    alternativeNames: use === 'serving' ? servingNames(settings) : [],
  };
  const { metadata } = await cluster.create(certificateSigningRequests, {
    metadata: { generateName: 'csr-' },
    spec: {
      request: btoa(certificateRequest(names, keys)),
      signerName,
      usages: ['digital signature', usage],
    },
  });
  const { name } = metadata;
  const end = clock.elapsed() + patienceMs;
  for (
    let lookMs = firstLookMs;
    clock.elapsed() < end;
    lookMs = Math.min(2 * lookMs, longestLookMs)
  ) {
    await sleep(clock, lookMs, signal);
    const { status } = await cluster.get(certificateSigningRequests, { name }, { signal });
    const refusal = status.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
    if (refusal)
      throw new Error(`Request ${name} was refused (${refusal.reason}): ${refusal.message}`);
    if (status.certificate)
      return {
        certificate: atob(status.certificate),
        key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      };
  }
  throw new Error(
    `Nobody has answered request ${name}: "kubectl certificate approve ${name}" does, for a node that is trusted`,
  );
}
