// Loaded on demand: the library costs more time than a start may take, and most starts issue nothing.
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type Extension,
  type JsonName,
  type PublicKeyType,
} from '#main/clusters/peculiar.ts';

/** A certificate and its key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface LeafRequest extends Validity {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Host names and IP addresses. */
  readonly subjectAlternativeNames: readonly string[];
  readonly usages: readonly ('serverAuth' | 'clientAuth')[];
}

export const curve = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const usageOids = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' } as const;

/** A self-signed authority; with `key` it is the same authority with a new life. */
export async function issueAuthority(
  commonName: string,
  validity: Validity,
  key?: string,
): Promise<KeyPair> {
  const keys = key ? await importKeyPair(key) : await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: randomSerial(),
    name: [{ CN: [commonName] }],
    signingAlgorithm: curve,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(
        KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment | KeyUsageFlags.keyCertSign,
        true,
      ),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      // As kubeadm does.
      new SubjectAlternativeNameExtension([{ type: 'dns', value: commonName }]),
    ],
  });
  return { certificate: pem(certificate), key: key ?? (await exportKey(keys.privateKey)) };
}

/** A certificate for a new key, signed by the authority. */
export async function issueLeaf(authority: KeyPair, request: LeafRequest): Promise<KeyPair> {
  const keys = await generateKeys();
  const names = request.subjectAlternativeNames.map((value) => ({
    type: isIP(value) ? ('ip' as const) : ('dns' as const),
    value,
  }));
  const certificate = await signCertificate(authority, {
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    subject: subjectOf(request),
    publicKey: keys.publicKey,
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
      new ExtendedKeyUsageExtension(request.usages.map((usage) => usageOids[usage])),
      new BasicConstraintsExtension(false, undefined, true),
      ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return { certificate, key: await exportKey(keys.privateKey) };
}

interface CertificateContent extends Validity {
  readonly subject: JsonName;
  readonly publicKey: PublicKeyType;
  readonly extensions: readonly Extension[];
}

/** Signs what is given as it is, and adds which authority signed; the certificate as PEM. */
export async function signCertificate(
  authority: KeyPair,
  { subject, publicKey, extensions, notBefore, notAfter }: CertificateContent,
): Promise<string> {
  const issuer = new X509Certificate(authority.certificate);
  const { privateKey } = await importKeyPair(authority.key);
  const certificate = await X509CertificateGenerator.create({
    notBefore,
    notAfter,
    serialNumber: randomSerial(),
    subject,
    issuer: issuer.subjectName.toJSON(),
    signingKey: privateKey,
    signingAlgorithm: curve,
    publicKey,
    extensions: [...extensions, await AuthorityKeyIdentifierExtension.create(issuer.publicKey)],
  });
  return pem(certificate);
}

function subjectOf({
  commonName,
  organizations,
}: Pick<LeafRequest, 'commonName' | 'organizations'>): JsonName {
  return [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }];
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(curve, true, ['sign', 'verify']);
}

async function importKeyPair(key: string): Promise<CryptoKeyPair> {
  const { subtle } = crypto;
  const der = PemConverter.decodeFirst(key);
  const privateKey = await subtle.importKey('pkcs8', der, curve, true, ['sign']);
  const { d: _, ...publicPart } = await subtle.exportKey('jwk', privateKey);
  const publicJwk = { ...publicPart, key_ops: ['verify'] };
  const publicKey = await subtle.importKey('jwk', publicJwk, curve, true, ['verify']);
  return { privateKey, publicKey };
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = await crypto.subtle.exportKey('pkcs8', key);
  return `${PemConverter.encode(der, 'PRIVATE KEY')}\n`;
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

/** 16 random bytes, positive and not zero, in hex. */
function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
