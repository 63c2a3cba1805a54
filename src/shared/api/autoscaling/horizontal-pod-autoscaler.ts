import type { HorizontalPodAutoscaler } from '#shared/api/types/autoscaling-v2.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { formatMetrics } from '#shared/api/autoscaling/format-metrics.ts';
import { rulesFor, validateAutoscaler } from '#shared/api/autoscaling/validate.ts';
import type { HPAScalingRules } from '#shared/api/types/autoscaling-v2.ts';
import { keep, resetStatus } from '#shared/api/strategies.ts';
import { nonNegative } from '#shared/kube/checks.ts';
import type { Draft } from '#shared/kube/object.ts';
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
  default({ spec }) {
    spec.minReplicas ??= 1;
    if (!spec.metrics?.length) {
      spec.metrics = [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
        },
      ];
    }
    if (!spec.behavior) return;
    spec.behavior.scaleUp = { ...scaleUp(), ...spec.behavior.scaleUp };
    spec.behavior.scaleDown = { ...scaleDown(), ...spec.behavior.scaleDown };
  },
  prepareForCreate: (draft) => resetStatus(draft, 'autoscaling.v2.HorizontalPodAutoscalerStatus'),
  prepareForUpdate: (draft, old) => keep('status', draft, old),
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  validate: (autoscaler) => validateAutoscaler(autoscaler, rulesFor(autoscaler.spec, undefined)),
  validateUpdate: (autoscaler, old) =>
    validateAutoscaler(autoscaler, rulesFor(autoscaler.spec, old.spec)),
  *validateStatusUpdate({ status }) {
    yield* nonNegative(status?.currentReplicas, 'status.currentReplicas');
    yield* nonNegative(status?.desiredReplicas, 'status.desiredReplicas');
  },
  columns: [
    nameColumn,
    {
      name: 'Reference',
      value: ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`,
    },
    {
      name: 'Targets',
      value: ({ spec, status }) => formatMetrics(spec.metrics, status?.currentMetrics ?? []),
    },
    { name: 'MinPods', value: ({ spec }) => String(spec.minReplicas ?? '<unset>') },
    { name: 'MaxPods', value: ({ spec }) => spec.maxReplicas },
    { name: 'Replicas', value: ({ status }) => status?.currentReplicas ?? 0 },
    ageColumn,
  ],
});

function scaleUp(): Draft<HPAScalingRules> {
  return {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  };
}

function scaleDown(): Draft<HPAScalingRules> {
  return {
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  };
}
