import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';

const block = /-----BEGIN ([^\n-]+)-----[^]*?-----END \1-----/g;

/** What Go's `tls.X509KeyPair` finds wrong with a PEM certificate and key; nothing where they are a pair. */
export function keyPairProblem(certificate: Buffer, key: Buffer): string | undefined {
  const certificates = blocksOf(certificate);
  const leaf = certificates.find(({ type }) => type === 'CERTIFICATE');
  if (!leaf) return `tls: ${withoutCertificate(certificates.map(({ type }) => type))}`;
  const keys = blocksOf(key);
  const at = keys.findIndex(({ type }) => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY'));
  if (at < 0) return `tls: ${withoutKey(keys.map(({ type }) => type))}`;
  const shown = read(() => new X509Certificate(leaf.text));
  if (!shown) return 'x509: malformed certificate';
  const own = read(() => createPrivateKey(keys[at]!.text));
  if (!own) return 'tls: failed to parse private key';
  return mismatch(shown, own);
}

interface PemBlock {
  readonly type: string;
  readonly text: string;
}

function blocksOf(pem: Buffer): readonly PemBlock[] {
  const text = pem.toString('latin1');
  return Array.from(text.matchAll(block), ([whole, type = '']) => ({ type, text: whole }));
}

function withoutCertificate(types: readonly string[]): string {
  const [first, second] = types;
  if (first === undefined) return 'failed to find any PEM data in certificate input';
  if (second === undefined && first.endsWith('PRIVATE KEY'))
    return 'failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched';
  return `failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [${types.join(' ')}]`;
}

function withoutKey(types: readonly string[]): string {
  const [first, second] = types;
  if (first === undefined) return 'failed to find any PEM data in key input';
  if (second === undefined && first === 'CERTIFICATE')
    return 'found a certificate rather than a key in the PEM for the private key';
  return `failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [${types.join(' ')}]`;
}

function mismatch(certificate: X509Certificate, key: KeyObject): string | undefined {
  const { asymmetricKeyType: type } = certificate.publicKey;
  if (type !== 'rsa' && type !== 'ec' && type !== 'ed25519')
    return 'tls: unknown public key algorithm';
  if (key.asymmetricKeyType !== type) return 'tls: private key type does not match public key type';
  return certificate.checkPrivateKey(key)
    ? undefined
    : 'tls: private key does not match public key';
}

/** Nothing for what cannot be read: which error that is in Go's words is the caller's to say. */
function read<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
