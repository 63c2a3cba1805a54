import type { PodDisruptionBudget } from '#shared/api/types/policy-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { atMostAll, validateAmount } from '#shared/api/apps/rollout.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { isClean, nonNegative } from '#shared/kube/checks.ts';
import { invalidValue, notSupported } from '#shared/kube/field-error.ts';
import { validateConditions, validateLabelSelector } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const podDisruptionBudgets = resource<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  singular: 'poddisruptionbudget',
  scope: 'Namespaced',
  shortNames: ['pdb'],
  type: 'policy.v1.PodDisruptionBudget',
  storage: { prefix: '/registry/poddisruptionbudgets' },
  subresources: [
    { name: 'status', kind: 'PodDisruptionBudget', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { generation: true },
  allowsUnconditionalUpdate: false,
  prepareForCreate(draft) {
    resetStatus(draft, 'policy.v1.PodDisruptionBudgetStatus');
    startGeneration(draft);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    countSpecGeneration(draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  metadata: { onCreate: 'unchecked', onUpdate: [], onStatusUpdate: [] },
  validate: ({ spec }) => validateSpec(spec, false),
  validateUpdate: ({ spec }, old) =>
    validateSpec(spec, !isClean(validateLabelSelector(old.spec.selector, ''))),
  *validateStatusUpdate({ status }) {
    yield* validateConditions(status.conditions, 'status.conditions');
    for (const member of counts) yield* nonNegative(status[member], `status.${member}`);
  },
  columns: [
    nameColumn,
    { name: 'Min Available', value: ({ spec }) => String(spec.minAvailable ?? 'N/A') },
    { name: 'Max Unavailable', value: ({ spec }) => String(spec.maxUnavailable ?? 'N/A') },
    {
      name: 'Allowed Disruptions',
      type: 'integer',
      value: ({ status }) => status.disruptionsAllowed ?? 0,
    },
    ageColumn,
  ],
});

const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const;

function* validateSpec(
  spec: PodDisruptionBudget['spec'],
  allowsInvalidValues: boolean,
): Iterable<FieldError> {
  const { minAvailable, maxUnavailable, unhealthyPodEvictionPolicy: policy } = spec;
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    yield invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set');
  }
  yield* validateAmount(minAvailable, 'spec.minAvailable');
  yield* atMostAll(minAvailable, 'spec.minAvailable');
  yield* validateAmount(maxUnavailable, 'spec.maxUnavailable');
  yield* atMostAll(maxUnavailable, 'spec.maxUnavailable');
  yield* validateLabelSelector(spec.selector, 'spec.selector', { allowsInvalidValues });
  const policies = ['AlwaysAllow', 'IfHealthyBudget'];
  if (policy !== undefined && !policies.includes(policy)) {
    yield notSupported('spec.unhealthyPodEvictionPolicy', policy, policies);
  }
}
