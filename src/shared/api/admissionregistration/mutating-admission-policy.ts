import type { MutatingAdmissionPolicy } from '#shared/api/types/admissionregistration-v1.ts';
import {
  validateExpression,
  validateVariables,
  type Scope,
} from '#shared/api/admissionregistration/expressions.ts';
import { formatParamKind, validatePolicy } from '#shared/api/admissionregistration/policies.ts';
import {
  defaultMatchResources,
  oneOf,
  reinvocationPolicies,
} from '#shared/api/admissionregistration/rules.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { countSpecGeneration, startGeneration } from '#shared/api/strategies.ts';
import { jsonPatchType, objectPatchType } from '#shared/cel/admission/patch-types.ts';
import { listOf, type CelType } from '#shared/cel/types.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
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
  lifecycle: { generation: true },
  allowsUnconditionalUpdate: false,
  default({ spec }) {
    spec.failurePolicy ??= 'Fail';
    defaultMatchResources(spec.matchConstraints);
  },
  prepareForCreate: startGeneration,
  prepareForUpdate: countSpecGeneration,
  metadata: { onUpdate: ['create'] },
  validate: ({ spec }) => validateSpec(spec, undefined),
  validateUpdate: ({ spec }, old) => validateSpec(spec, old.spec),
  columns: [
    nameColumn,
    { name: 'Mutations', type: 'integer', value: ({ spec }) => spec.mutations?.length ?? 0 },
    { name: 'ParamKind', value: ({ spec }) => formatParamKind(spec.paramKind) },
    ageColumn,
  ],
});

type Spec = MutatingAdmissionPolicy['spec'];
type Mutation = NonNullable<Spec['mutations']>[number];

/** Which member belongs to which type of patch. */
const patchMembers = { ApplyConfiguration: 'applyConfiguration', JSONPatch: 'jsonPatch' } as const;

const mutationTypes = { ApplyConfiguration: objectPatchType, JSONPatch: listOf(jsonPatchType) };

function* validateSpec(spec: Spec, old: Spec | undefined): Iterable<FieldError> {
  yield* validatePolicy(spec, old, true);
  const { paramKind, variables, mutations = [], reinvocationPolicy } = spec;
  const hasParams = paramKind !== undefined;
  const known = new Map<string, CelType>();
  yield* validateVariables(variables, known, { hasParams, hasPatchTypes: true });
  if (mutations.length === 0) {
    yield required('spec.mutations', 'mutations must contain at least one item');
  }
  for (const [index, mutation] of mutations.entries()) {
    yield* validateMutation(mutation, `spec.mutations[${index}]`, {
      hasParams,
      hasPatchTypes: true,
      variables: known,
    });
  }
  if (reinvocationPolicy) {
    yield* oneOf(reinvocationPolicy, 'spec.reinvocationPolicy', reinvocationPolicies);
  } else yield required('spec.reinvocationPolicy');
}

function* validateMutation(mutation: Mutation, field: string, scope: Scope): Iterable<FieldError> {
  const types = Object.keys(patchMembers) as (keyof typeof patchMembers)[];
  const type = types.find((item) => item === mutation.patchType);
  if (!type) {
    if (mutation.patchType) yield notSupported(`${field}.patchType`, mutation.patchType, types);
    else yield required(`${field}.patchType`);
    return;
  }
  const member = patchMembers[type];
  const patch = mutation[member];
  if (!patch) yield required(`${field}.${member}`, `must be specified when patchType is ${type}`);
  else {
    const path = `${field}.${member}.expression`;
    const trimmed = patch.expression?.trim();
    if (trimmed) {
      yield* validateExpression(trimmed, path, { ...scope, types: [mutationTypes[type]] });
    } else yield required(path);
  }
  const other = member === 'jsonPatch' ? 'applyConfiguration' : 'jsonPatch';
  if (mutation[other]) {
    yield invalidValue(
      `${field}.${other}`,
      `{${other}}`,
      `must not be specified when patchType is ${type}`,
    );
  }
}
