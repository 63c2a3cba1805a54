import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AgentSettings } from '#agent/settings.ts';
import { isIpv6, parseIp } from '#shared/kube/ip.ts';

/** What a node shows: to the API server, and to those who call its kubelet. */
export type CertificateUse = 'client' | 'serving';

/** PEM. */
export interface HeldCertificate {
  readonly certificate: string;
  readonly key: string;
}

export function authorityOf({ pki }: Pick<AgentSettings, 'pki'>): string {
  return readFileSync(pki.authority, 'utf8');
}

/**
 * The certificate that is in use: the one that provisioning wrote, or the one that the agent has got
 * since where that lives longer and is still the cluster's. Read anew each time.
 */
export function heldCertificate(settings: AgentSettings, use: CertificateUse): HeldCertificate {
  const { pki } = settings;
  const isClient = use === 'client';
  const provisioned = {
    certificate: readFileSync(isClient ? pki.certificate : pki.servingCertificate, 'utf8'),
    key: readFileSync(isClient ? pki.key : pki.servingKey, 'utf8'),
  };
  const renewed = readRenewed(fileOf(settings, use));
  if (!renewed || problemOf(settings, use, renewed) !== undefined) return provisioned;
  return endOf(renewed) > endOf(provisioned) ? renewed : provisioned;
}

/** In use from now on. */
export async function keepCertificate(
  settings: AgentSettings,
  use: CertificateUse,
  { certificate, key }: HeldCertificate,
): Promise<void> {
  const file = fileOf(settings, use);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  {
    // Both in one file: no crash comes between them.
    await using scratch = await open(`${file}.new`, 'w', 0o600);
    await scratch.writeFile(`${certificate.trimEnd()}\n${key}`);
    await scratch.sync();
  }
  await rename(`${file}.new`, file);
}

/** Why this certificate is not this node's to show, if it is not. */
export function problemOf(
  settings: AgentSettings,
  use: CertificateUse,
  { certificate: pem, key: keyPem }: HeldCertificate,
): string | undefined {
  let certificate: X509Certificate;
  let key: KeyObject;
  try {
    certificate = new X509Certificate(pem);
    key = createPrivateKey(keyPem);
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`;
  }
  const authority = new X509Certificate(authorityOf(settings));
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey))
    return "it is not the cluster's authority that signed it";
  if (!certificate.checkPrivateKey(key)) return 'it is for another key';
  const wanted = use === 'serving' ? servingNames(settings) : [];
  const missing = wanted.find((name) => !isFor(certificate, name));
  return missing === undefined ? undefined : `it is not for ${missing}`;
}

/** What callers know the kubelet by. */
export function servingNames({
  nodeName,
  nodeAddresses,
}: Pick<AgentSettings, 'nodeName' | 'nodeAddresses'>): readonly string[] {
  return [...new Set([nodeName, ...nodeAddresses])];
}

function isFor(certificate: X509Certificate, name: string): boolean {
  if (isIpv6(name) || parseIp(name)) return certificate.checkIP(name) !== undefined;
  return certificate.checkHost(name) !== undefined;
}

function endOf({ certificate }: HeldCertificate): number {
  return Date.parse(new X509Certificate(certificate).validTo);
}

function fileOf({ folders }: AgentSettings, use: CertificateUse): string {
  return join(folders.state, 'certificates', `${use}.pem`);
}

const pemBlocks = /(-----BEGIN CERTIFICATE-----[^]+-----END CERTIFICATE-----\n)([^]+)/;

function readRenewed(file: string): HeldCertificate | undefined {
  try {
    const [, certificate, key] = pemBlocks.exec(readFileSync(file, 'utf8')) ?? [];
    return certificate && key ? { certificate, key } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
