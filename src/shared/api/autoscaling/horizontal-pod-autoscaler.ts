import type { HorizontalPodAutoscaler } from '#shared/api/types/autoscaling-v2.ts';
import { resource } from '#shared/kube/resource.ts';

export const horizontalPodAutoscalers = resource<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  singular: 'horizontalpodautoscaler',
  scope: 'Namespaced',
  shortNames: ['hpa'],
  categories: ['all'],
  type: 'autoscaling.v2.HorizontalPodAutoscaler',
  storage: { prefix: '/registry/horizontalpodautoscalers' },
  subresources: [
    { name: 'status', kind: 'HorizontalPodAutoscaler', verbs: ['get', 'patch', 'update'] },
  ],
});
