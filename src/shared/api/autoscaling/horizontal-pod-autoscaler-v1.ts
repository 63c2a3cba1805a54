import type { HorizontalPodAutoscaler } from '#shared/api/types/autoscaling-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const horizontalPodAutoscalersV1 = resource<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  singular: 'horizontalpodautoscaler',
  scope: 'Namespaced',
  shortNames: ['hpa'],
  categories: ['all'],
  type: 'autoscaling.v1.HorizontalPodAutoscaler',
  storage: { prefix: '/registry/horizontalpodautoscalers', groupVersion: 'autoscaling/v2' },
  subresources: [
    { name: 'status', kind: 'HorizontalPodAutoscaler', verbs: ['get', 'patch', 'update'] },
  ],
});
