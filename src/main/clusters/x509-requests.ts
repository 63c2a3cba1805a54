// Loaded on demand, as x509.ts.
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  X509Certificate,
  type Extension,
} from '#main/clusters/peculiar.ts';
import { signCertificate, type KeyPair, type Validity } from '#main/clusters/x509.ts';

/** The names of `spec.usages`, of which X.509 knows two sorts. */
const keyUsages: Readonly<Record<string, KeyUsageFlags>> = {
  signing: KeyUsageFlags.digitalSignature,
  'digital signature': KeyUsageFlags.digitalSignature,
  'content commitment': KeyUsageFlags.nonRepudiation,
  'key encipherment': KeyUsageFlags.keyEncipherment,
  'key agreement': KeyUsageFlags.keyAgreement,
  'data encipherment': KeyUsageFlags.dataEncipherment,
  'cert sign': KeyUsageFlags.keyCertSign,
  'crl sign': KeyUsageFlags.cRLSign,
  'encipher only': KeyUsageFlags.encipherOnly,
  'decipher only': KeyUsageFlags.decipherOnly,
};
const extendedKeyUsages: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
};
const subjectAlternativeName = '2.5.29.17';

export interface RequestToSign extends Validity {
  /** PEM */
  readonly request: string;
  readonly usages: readonly string[];
}

/** A certificate for the request's subject, names and key, for these uses; never beyond the authority's life. */
export async function signRequest(
  authority: KeyPair,
  { request, usages, notBefore, notAfter }: RequestToSign,
): Promise<string> {
  const parsed = new Pkcs10CertificateRequest(request);
  if (!(await parsed.verify()))
    throw new Error('Cannot sign the certificate request: it is not signed by its own key');
  const end = new X509Certificate(authority.certificate).notAfter;
  const names = parsed.extensions.filter(({ type }) => type === subjectAlternativeName);
  return signCertificate(authority, {
    notBefore,
    notAfter: notAfter < end ? notAfter : end,
    subject: parsed.subjectName.toJSON(),
    publicKey: parsed.publicKey,
    extensions: [
      ...usageExtensions(usages),
      new BasicConstraintsExtension(false, undefined, true),
      ...names,
    ],
  });
}

function usageExtensions(usages: readonly string[]): Extension[] {
  let flags = 0;
  const extended = new Set<string>();
  for (const usage of usages) {
    const oid = extendedKeyUsages[usage];
    const flag = keyUsages[usage];
    if (oid) extended.add(oid);
    else if (flag) flags |= flag;
    else throw new Error(`Cannot sign the certificate request: unknown usage "${usage}"`);
  }
  return [
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- flags add up to no single member
    ...(flags ? [new KeyUsagesExtension(flags, true)] : []),
    ...(extended.size > 0 ? [new ExtendedKeyUsageExtension([...extended])] : []),
  ];
}
