import type { HorizontalPodAutoscaler } from '#shared/api/types/autoscaling-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import type { HorizontalPodAutoscaler as Autoscaler } from '#shared/api/types/autoscaling-v2.ts';
import { formatMetrics } from '#shared/api/autoscaling/format-metrics.ts';
import { rulesFor, validateAutoscaler } from '#shared/api/autoscaling/validate.ts';
import { keep, resetStatus } from '#shared/api/strategies.ts';
import { nonNegative } from '#shared/kube/checks.ts';
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
  default({ spec }) {
    spec.minReplicas ??= 1;
    spec.targetCPUUtilizationPercentage ??= 80;
  },
  prepareForCreate: (draft) => resetStatus(draft, 'autoscaling.v1.HorizontalPodAutoscalerStatus'),
  prepareForUpdate: (draft, old) => keep('status', draft, old),
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  validate(autoscaler) {
    const current = currentOf(autoscaler);
    return validateAutoscaler(current, rulesFor(current.spec, undefined));
  },
  validateUpdate(autoscaler, old) {
    const current = currentOf(autoscaler);
    return validateAutoscaler(current, rulesFor(current.spec, currentOf(old).spec));
  },
  *validateStatusUpdate({ status }) {
    yield* nonNegative(status.currentReplicas, 'status.currentReplicas');
    yield* nonNegative(status.desiredReplicas, 'status.desiredReplicas');
  },
  columns: [
    nameColumn,
    {
      name: 'Reference',
      value: ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`,
    },
    {
      name: 'Targets',
      value(autoscaler) {
        const { spec, status } = currentOf(autoscaler);
        return formatMetrics(spec.metrics, status.currentMetrics ?? []);
      },
    },
    { name: 'MinPods', value: ({ spec }) => String(spec.minReplicas ?? '<unset>') },
    { name: 'MaxPods', value: ({ spec }) => spec.maxReplicas },
    { name: 'Replicas', value: ({ status }) => status.currentReplicas ?? 0 },
    ageColumn,
  ],
});

/** The same in the version that has rules and columns. */
function currentOf({ metadata, spec, status }: HorizontalPodAutoscaler): Autoscaler {
  const { targetCPUUtilizationPercentage: target, ...shared } = spec;
  const { currentCPUUtilizationPercentage: current, ...counts } = status;
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata,
    spec: {
      ...shared,
      ...(target !== undefined && {
        metrics: [
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } },
          },
        ],
      }),
    },
    status: {
      ...counts,
      currentMetrics:
        current === undefined
          ? []
          : [
              {
                type: 'Resource',
                resource: { name: 'cpu', current: { averageUtilization: current } },
              },
            ],
    },
  };
}
