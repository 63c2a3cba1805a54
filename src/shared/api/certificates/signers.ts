import {
  parseCertificateRequest,
  type CertificateRequest,
} from '#shared/api/certificates/certificate-request.ts';

/** Signs certificate requests with the cluster's authority. Who holds the key implements it. */
export interface CertificateSigner {
  /** Resolves to the certificate as PEM; rejects when the request is not signed by its own key. */
  sign(request: SigningRequest): Promise<string>;
}

export interface SigningRequest {
  /** base64 of PEM: a CertificateSigningRequest's `spec.request`. */
  readonly request: string;
  /** `spec.usages` */
  readonly usages: readonly string[];
  /** `spec.expirationSeconds`; the signer's own life of one year where absent, 10 minutes at least. */
  readonly expirationSeconds?: number | undefined;
}

export const signerNames = {
  apiServerClient: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
  legacyUnknown: 'kubernetes.io/legacy-unknown',
} as const;

export const isBuiltInSigner = (name: string): boolean =>
  Object.values<string>(signerNames).includes(name);

/**
 * Why the signer of this name will not sign, in the words of upstream's signing controller; nothing
 * when it will. Throws what `parseCertificateRequest` throws.
 */
export function signerRefusal(
  signerName: string,
  { request, usages }: Pick<SigningRequest, 'request' | 'usages'>,
): string | undefined {
  const asked = parseCertificateRequest(request);
  switch (signerName) {
    case signerNames.apiServerClient:
      return apiServerClientRefusal(usages);
    case signerNames.kubeletClient:
      return kubeletClientRefusal(asked, usages);
    case signerNames.kubeletServing:
      return kubeletServingRefusal(asked, usages);
    case signerNames.legacyUnknown:
      return undefined;
    default:
      return `no signer is named ${signerName}`;
  }
}

/** What a kubelet may ask for as a client, which the approving controller looks at too. */
export function kubeletClientRefusal(
  asked: CertificateRequest,
  usages: readonly string[],
): string | undefined {
  if (!isForSystemNodes(asked)) return 'subject organization is not system:nodes';
  if (asked.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (asked.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (asked.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (asked.uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (!isNodeName(asked)) return 'subject common name does not begin with system:node:';
  return usagesRefusal(usages, 'client auth');
}

/** What a kubelet may ask for to serve with. */
export function kubeletServingRefusal(
  asked: CertificateRequest,
  usages: readonly string[],
): string | undefined {
  if (!isForSystemNodes(asked)) return 'subject organization is not system:nodes';
  if (asked.dnsNames.length === 0 && asked.ipAddresses.length === 0)
    return 'DNS or IP subjectAltName is required';
  if (asked.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (asked.uris.length > 0) return 'URI subjectAltNames are not allowed';
  const refusal = usagesRefusal(usages, 'server auth');
  if (refusal) return refusal;
  return isNodeName(asked) ? undefined : 'subject common name does not begin with system:node:';
}

function apiServerClientRefusal(usages: readonly string[]): string | undefined {
  const allowed = ['digital signature', 'key encipherment', 'client auth'];
  const other = usages.find((usage) => !allowed.includes(usage));
  if (other !== undefined) return `invalid usage for client certificate: ${other}`;
  if (usages.includes('client auth')) return undefined;
  return 'missing required usage for client certificate: client auth';
}

function isForSystemNodes({ organizations }: CertificateRequest): boolean {
  return organizations.length === 1 && organizations[0] === 'system:nodes';
}

function isNodeName({ commonName }: CertificateRequest): boolean {
  return commonName.startsWith('system:node:');
}

/** Exactly a signature and this use; key encipherment besides, for RSA keys. */
function usagesRefusal(
  usages: readonly string[],
  use: 'client auth' | 'server auth',
): string | undefined {
  const given = new Set(usages);
  given.delete('key encipherment');
  if (given.size === 2 && given.has('digital signature') && given.has(use)) return undefined;
  const wanted = ['digital signature', 'key encipherment', use].sort();
  return `usages did not match [${wanted.join(' ')}]`;
}
