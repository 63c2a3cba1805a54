import type { ValidatingAdmissionPolicyBinding } from '#shared/api/types/admissionregistration-v1.ts';
import {
  policyBindingColumns,
  validatePolicyBinding,
} from '#shared/api/admissionregistration/bindings.ts';
import { defaultMatchResources, oneOf } from '#shared/api/admissionregistration/rules.ts';
import { countSpecGeneration, startGeneration } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, invalidValue, required } from '#shared/kube/field-error.ts';
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

const allActions = ['Audit', 'Deny', 'Warn'];

function* validateBinding({ spec }: ValidatingAdmissionPolicyBinding): Iterable<FieldError> {
  yield* validatePolicyBinding(spec);
  const field = 'spec.validationActions';
  const { validationActions: actions = [] } = spec;
  for (const [index, action] of actions.entries()) {
    const path = `${field}[${index}]`;
    yield* oneOf(action, path, allActions);
    if (actions.indexOf(action) < index) yield duplicateValue(path, action);
  }
  if (actions.includes('Deny') && actions.includes('Warn')) {
    yield invalidValue(
      field,
      actions,
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    );
  }
  if (actions.length === 0) yield required(field, 'at least one validation action is required');
}
