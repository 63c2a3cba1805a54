import { X509Certificate, generateKeyPair } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readIfPresent, writeAtomically } from '#main/clusters/secure-files.ts';
import type { KeyPair, LeafRequest, Validity } from '#main/clusters/x509.ts';
import type { Clock } from '#shared/base/clock.ts';

export type { KeyPair } from '#main/clusters/x509.ts';

export type AuthorityName = 'cluster' | 'frontProxy' | 'etcd';

/** What one certificate says; the file's name is its key. */
export interface CertificateSpec extends Pick<
  LeafRequest,
  'commonName' | 'organizations' | 'subjectAlternativeNames' | 'usages'
> {
  /** Below the folder and without a suffix: `apiserver`, `etcd/server`. */
  readonly file: string;
  readonly authority: AuthorityName;
}

export interface PkiOptions {
  readonly folder: string;
  readonly clock: Clock;
}

/**
 * A cluster's certificates on disk, laid out as kubeadm lays them out. What is missing is made, what
 * has used up two thirds of its life is made again, and so is what no longer says what it should.
 */
export interface Pki {
  readonly folder: string;
  authority(name: AuthorityName): KeyPair;
  /** The certificate for this, from disk if it still serves. */
  certificate(spec: CertificateSpec): Promise<KeyPair>;
  /** The RSA key that signs service-account tokens; PEM. */
  serviceAccountKey(): Promise<ServiceAccountKey>;
  /** Makes again whatever has been asked for and is due; says which files changed. */
  renew(): Promise<readonly string[]>;
}

export interface ServiceAccountKey {
  readonly privateKey: string;
  readonly publicKey: string;
}

const authorities: Readonly<Record<AuthorityName, { file: string; commonName: string }>> = {
  cluster: { file: 'ca', commonName: 'kubernetes' },
  frontProxy: { file: 'front-proxy-ca', commonName: 'front-proxy-ca' },
  etcd: { file: 'etcd/ca', commonName: 'etcd-ca' },
};

const dayMs = 86_400_000;
const authorityLifeMs = 3650 * dayMs;
const leafLifeMs = 365 * dayMs;
/** Clocks differ a little: what is issued now must hold for a peer whose clock is behind. */
const backdateMs = 5 * 60_000;

export async function openPki({ folder, clock }: PkiOptions): Promise<Pki> {
  const open = async (name: AuthorityName): Promise<KeyPair> =>
    openAuthority(join(folder, authorities[name].file), authorities[name].commonName, clock);
  const [cluster, frontProxy, etcd] = await Promise.all([
    open('cluster'),
    open('frontProxy'),
    open('etcd'),
  ]);
  return new DiskPki(folder, clock, { cluster, frontProxy, etcd });
}

class DiskPki implements Pki {
  readonly folder: string;
  readonly #clock: Clock;
  readonly #authorities: Readonly<Record<AuthorityName, KeyPair>>;
  readonly #certificates = new Map<string, { spec: CertificateSpec; pair: Promise<KeyPair> }>();
  #serviceAccountKey: Promise<ServiceAccountKey> | undefined;

  constructor(folder: string, clock: Clock, held: Readonly<Record<AuthorityName, KeyPair>>) {
    this.folder = folder;
    this.#clock = clock;
    this.#authorities = held;
  }

  authority(name: AuthorityName): KeyPair {
    return this.#authorities[name];
  }

  certificate(spec: CertificateSpec): Promise<KeyPair> {
    const held = this.#certificates.get(spec.file);
    if (held && saysTheSame(held.spec, spec)) return held.pair;
    const pair = this.#open(spec);
    this.#certificates.set(spec.file, { spec, pair });
    return pair;
  }

  serviceAccountKey(): Promise<ServiceAccountKey> {
    this.#serviceAccountKey ??= openServiceAccountKey(join(this.folder, 'sa'));
    return this.#serviceAccountKey;
  }

  async renew(): Promise<readonly string[]> {
    const renewed: string[] = [];
    for (const [file, { spec, pair }] of this.#certificates) {
      const authority = this.authority(spec.authority);
      if (holds((await pair).certificate, spec, authority, this.#clock)) continue;
      this.#certificates.set(file, { spec, pair: this.#open(spec) });
      await this.#certificates.get(file)?.pair;
      renewed.push(file);
    }
    return renewed;
  }

  async #open(spec: CertificateSpec): Promise<KeyPair> {
    const path = join(this.folder, spec.file);
    const authority = this.authority(spec.authority);
    const found = await readKeyPair(path);
    if (found && holds(found.certificate, spec, authority, this.#clock)) return found;
    const { issueLeaf } = await import('#main/clusters/x509.ts');
    const validity = clampedTo(authority, lifeFrom(this.#clock, leafLifeMs));
    const pair = await issueLeaf(authority, { ...spec, ...validity });
    await writeKeyPair(path, pair);
    return pair;
  }
}

async function openAuthority(path: string, commonName: string, clock: Clock): Promise<KeyPair> {
  const found = await readKeyPair(path);
  if (found && !isDue(new X509Certificate(found.certificate), clock)) return found;
  const { issueAuthority } = await import('#main/clusters/x509.ts');
  const pair = await issueAuthority(commonName, lifeFrom(clock, authorityLifeMs), found?.key);
  await writeKeyPair(path, pair);
  return pair;
}

async function openServiceAccountKey(path: string): Promise<ServiceAccountKey> {
  const [privateKey, publicKey] = await Promise.all([
    readIfPresent(`${path}.key`),
    readIfPresent(`${path}.pub`),
  ]);
  if (privateKey && publicKey) return { privateKey, publicKey };
  const made = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  await writeAtomically(`${path}.pub`, made.publicKey);
  await writeAtomically(`${path}.key`, made.privateKey);
  return made;
}

/** Both files, or nothing when one is missing: then both are made again. */
async function readKeyPair(path: string): Promise<KeyPair | undefined> {
  const [certificate, key] = await Promise.all([
    readIfPresent(`${path}.crt`),
    readIfPresent(`${path}.key`),
  ]);
  return certificate && key ? { certificate, key } : undefined;
}

/** The key first: a certificate on disk then always has its key beside it. */
async function writeKeyPair(path: string, { certificate, key }: KeyPair): Promise<void> {
  await writeAtomically(`${path}.key`, key);
  await writeAtomically(`${path}.crt`, certificate);
}

function holds(pem: string, spec: CertificateSpec, authority: KeyPair, clock: Clock): boolean {
  const certificate = new X509Certificate(pem);
  const issuer = new X509Certificate(authority.certificate);
  return (
    !isDue(certificate, clock) &&
    certificate.checkIssued(issuer) &&
    certificate.verify(issuer.publicKey) &&
    isNamed(certificate, spec)
  );
}

function isNamed(certificate: X509Certificate, spec: CertificateSpec): boolean {
  const { CN, O } = certificate.toLegacyObject().subject as { CN?: unknown; O?: unknown };
  const organizations = [O ?? []].flat() as string[];
  return (
    CN === spec.commonName &&
    sameSet(organizations, spec.organizations) &&
    servesAll(certificate, spec.subjectAlternativeNames)
  );
}

/** Names that it has besides do no harm: a laptop's addresses come and go. */
function servesAll(certificate: X509Certificate, names: readonly string[]): boolean {
  const own = new Set(alternativeNames(certificate));
  return names.every((name) => own.has(canonical(name)));
}

function alternativeNames(certificate: X509Certificate): string[] {
  const text = certificate.subjectAltName ?? '';
  const names = text.split(', ').filter(Boolean);
  return names.map((name) => canonical(name.slice(name.indexOf(':') + 1)));
}

/** One spelling for each IPv6 address: `::1` and `0:0:0:0:0:0:0:1` are the same name. */
function canonical(name: string): string {
  if (!name.includes(':')) return name;
  return new URL(`http://[${name}]`).hostname;
}

function sameSet(left: readonly string[], right: readonly string[]): boolean {
  const wanted = new Set(right);
  return new Set(left).size === wanted.size && left.every((item) => wanted.has(item));
}

function saysTheSame(left: CertificateSpec, right: CertificateSpec): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function isDue(certificate: X509Certificate, clock: Clock): boolean {
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  const now = clock.now();
  return now < from || now > from + ((to - from) * 2) / 3;
}

function lifeFrom(clock: Clock, lifeMs: number): Validity {
  const now = clock.now();
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + lifeMs) };
}

function clampedTo(authority: KeyPair, { notBefore, notAfter }: Validity): Validity {
  const { validFrom, validTo } = new X509Certificate(authority.certificate);
  return {
    notBefore: new Date(Math.max(notBefore.getTime(), Date.parse(validFrom))),
    notAfter: new Date(Math.min(notAfter.getTime(), Date.parse(validTo))),
  };
}
