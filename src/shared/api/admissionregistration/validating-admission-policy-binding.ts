import type { ValidatingAdmissionPolicyBinding } from '#shared/api/types/admissionregistration-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const validatingAdmissionPolicyBindings = resource<ValidatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  singular: 'validatingadmissionpolicybinding',
  scope: 'Cluster',
  categories: ['api-extensions'],
  type: 'admissionregistration.v1.ValidatingAdmissionPolicyBinding',
  storage: { prefix: '/registry/validatingadmissionpolicybindings' },
});
