import type { CertificateSigningRequest } from '#shared/api/types/certificates-v1.ts';
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
});
