import type { MutatingAdmissionPolicyBinding } from '#shared/api/types/admissionregistration-v1.ts';
import {
  policyBindingColumns,
  validatePolicyBinding,
} from '#shared/api/admissionregistration/bindings.ts';
import {
  defaultMatchResources,
  validateMutatingOperations,
} from '#shared/api/admissionregistration/rules.ts';
import { countSpecGeneration, startGeneration } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
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
  lifecycle: { generation: true },
  allowsUnconditionalUpdate: false,
  default: ({ spec }) => defaultMatchResources(spec.matchResources),
  prepareForCreate: startGeneration,
  prepareForUpdate: countSpecGeneration,
  metadata: { onUpdate: ['create'] },
  validate: validateBinding,
  validateUpdate: validateBinding,
  columns: policyBindingColumns,
});

function* validateBinding({ spec }: MutatingAdmissionPolicyBinding): Iterable<FieldError> {
  yield* validatePolicyBinding(spec);
  yield* validateMutatingOperations(spec.matchResources, 'spec.matchResources');
}
