import type { CertificateSigningRequest } from '#shared/api/types/certificates-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { humanDuration, orNone } from '#shared/api/columns.ts';
import {
  checkCertificate,
  validateCsrConditions,
  validateFixedConditions,
  validateKeptConditions,
} from '#shared/api/certificates/csr-status.ts';
import { parseCertificateRequest } from '#shared/api/certificates/certificate-request.ts';
import { validateSignerName } from '#shared/api/core/signer.ts';
import { keep } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  notSupported,
  required,
} from '#shared/kube/field-error.ts';
import { validateObjectMetaUpdate } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const certificateSigningRequests = resource<CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  singular: 'certificatesigningrequest',
  scope: 'Cluster',
  shortNames: ['csr'],
  type: 'certificates.v1.CertificateSigningRequest',
  storage: { prefix: '/registry/certificatesigningrequests' },
  subresources: [
    { name: 'approval', kind: 'CertificateSigningRequest', verbs: ['get', 'patch', 'update'] },
    { name: 'status', kind: 'CertificateSigningRequest', verbs: ['get', 'patch', 'update'] },
  ],
  prepareForCreate(draft) {
    // Who asks has been written by the server, whatever the request said.
    draft.status = {};
  },
  prepareForUpdate(draft, old) {
    keep('spec', draft, old);
    keep('status', draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  validateName: () => [],
  metadata: { onUpdate: ['create'], onStatusUpdate: ['create'] },
  validate: (csr) => validateCsr(csr, undefined),
  *validateUpdate(csr, old) {
    yield* validateCsr(csr, old);
    yield* validateFixedConditions(csr, old);
    if ((csr.status.certificate ?? '') !== (old.status.certificate ?? '')) {
      yield forbiddenValue('status.certificate', 'updates may not set certificate content');
    }
    yield* validateObjectMetaUpdate(csr.metadata, old.metadata);
  },
  *validateStatusUpdate(csr, old) {
    yield* validateCsr(csr, old);
    yield* validateFixedConditions(csr, old);
    const { certificate } = old.status;
    if (certificate && certificate !== csr.status.certificate) {
      yield forbiddenValue(
        'status.certificate',
        'updates may not modify existing certificate content',
      );
    }
    yield* validateObjectMetaUpdate(csr.metadata, old.metadata);
  },
  fieldSelectors: { 'spec.signerName': ({ spec }) => spec.signerName },
  columns: [
    nameColumn,
    ageColumn,
    { name: 'SignerName', value: ({ spec }) => orNone(spec.signerName) },
    { name: 'Requestor', value: ({ spec }) => spec.username ?? '' },
    {
      name: 'RequestedDuration',
      value: ({ spec: { expirationSeconds: seconds } }) =>
        seconds === undefined ? '<none>' : humanDuration(seconds * 1000),
    },
    { name: 'Condition', value: ({ status }) => conditionOf(status) },
  ],
});

type Csr = CertificateSigningRequest;

/** What is wrong with an update of the `approval` subresource: there alone approval may come. */
export function* validateApproval(csr: Csr, old: Csr): Iterable<FieldError> {
  yield* validateCsr(csr, old);
  yield* validateKeptConditions(csr, old);
  yield* validateObjectMetaUpdate(csr.metadata, old.metadata);
}

const legacySigner = 'kubernetes.io/legacy-unknown';
const shortestExpiration = 600;
const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

function* validateCsr({ spec, status }: Csr, old: Csr | undefined): Iterable<FieldError> {
  const { request, expirationSeconds } = spec;
  const signerName = spec.signerName ?? '';
  const problem = requestProblem(request ?? '');
  if (problem) yield invalidValue('spec.request', request ?? '', problem);
  yield* validateUsages(spec.usages ?? [], old?.spec.usages ?? []);
  if (signerName === legacySigner && old?.spec.signerName !== legacySigner) {
    yield invalidValue(
      'spec.signerName',
      signerName,
      'the legacy signerName is not allowed via this API version',
    );
  } else yield* validateSignerName(signerName, 'spec.signerName');
  if (expirationSeconds !== undefined && expirationSeconds < shortestExpiration) {
    yield invalidValue(
      'spec.expirationSeconds',
      expirationSeconds,
      'may not specify a duration less than 600 seconds (10 minutes)',
    );
  }
  yield* validateCsrConditions(status.conditions ?? [], old?.status.conditions ?? []);
  if (old && status.certificate === old.status.certificate) return;
  const certificateProblem = checkCertificate(status.certificate);
  if (certificateProblem) {
    yield invalidValue('status.certificate', '<certificate data>', certificateProblem);
  }
}

function* validateUsages(given: readonly string[], old: readonly string[]): Iterable<FieldError> {
  if (given.length === 0) yield required('spec.usages');
  if (old.every((usage) => usages.includes(usage))) {
    for (const [index, usage] of given.entries()) {
      if (!usages.includes(usage)) yield notSupported(`spec.usages[${index}]`, usage, usages);
    }
  }
  if (new Set(old).size < old.length) return;
  for (const [index, usage] of given.entries()) {
    if (given.indexOf(usage) < index) yield duplicateValue(`spec.usages[${index}]`, usage);
  }
}

function requestProblem(request: string): string {
  try {
    parseCertificateRequest(request);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function conditionOf({ conditions = [], certificate }: Csr['status']): string {
  const has = (type: string): boolean => conditions.some((condition) => condition.type === type);
  let text = 'Pending';
  if (has('Denied')) text = 'Denied';
  else if (has('Approved')) text = 'Approved';
  if (has('Failed')) text += ',Failed';
  return certificate ? `${text},Issued` : text;
}
