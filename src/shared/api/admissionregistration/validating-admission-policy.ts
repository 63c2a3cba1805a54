import type { ValidatingAdmissionPolicy } from '#shared/api/types/admissionregistration-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const validatingAdmissionPolicies = resource<ValidatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  singular: 'validatingadmissionpolicy',
  scope: 'Cluster',
  categories: ['api-extensions'],
  type: 'admissionregistration.v1.ValidatingAdmissionPolicy',
  storage: { prefix: '/registry/validatingadmissionpolicies' },
  subresources: [
    { name: 'status', kind: 'ValidatingAdmissionPolicy', verbs: ['get', 'patch', 'update'] },
  ],
});
