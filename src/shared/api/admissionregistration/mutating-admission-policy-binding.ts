import type { MutatingAdmissionPolicyBinding } from '#shared/api/types/admissionregistration-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const mutatingAdmissionPolicyBindings = resource<MutatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicyBinding',
  plural: 'mutatingadmissionpolicybindings',
  singular: 'mutatingadmissionpolicybinding',
  scope: 'Cluster',
  categories: ['api-extensions'],
  type: 'admissionregistration.v1.MutatingAdmissionPolicyBinding',
  storage: {
    prefix: '/registry/mutatingadmissionpolicybindings',
    groupVersion: 'admissionregistration.k8s.io/v1beta1',
  },
});
