import type { PodDisruptionBudget } from '#shared/api/types/policy-v1.ts';
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
});
