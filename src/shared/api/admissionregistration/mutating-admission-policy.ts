import type { MutatingAdmissionPolicy } from '#shared/api/types/admissionregistration-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const mutatingAdmissionPolicies = resource<MutatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicy',
  plural: 'mutatingadmissionpolicies',
  singular: 'mutatingadmissionpolicy',
  scope: 'Cluster',
  categories: ['api-extensions'],
  type: 'admissionregistration.v1.MutatingAdmissionPolicy',
  storage: {
    prefix: '/registry/mutatingadmissionpolicies',
    groupVersion: 'admissionregistration.k8s.io/v1beta1',
  },
});
