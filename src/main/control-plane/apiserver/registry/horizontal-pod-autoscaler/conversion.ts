import type { Conversion } from '#main/control-plane/apiserver/registry/conversion.ts';
import type { HorizontalPodAutoscaler as ServedAutoscaler } from '#shared/api/types/autoscaling-v1.ts';
import type {
  HorizontalPodAutoscaler as StoredAutoscaler,
  MetricSpec,
} from '#shared/api/types/autoscaling-v2.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

/** Where v1 carries what it has no members for; the values are v2's JSON. */
const annotations = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics',
  behavior: 'autoscaling.alpha.kubernetes.io/behavior',
  currentMetrics: 'autoscaling.alpha.kubernetes.io/current-metrics',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions',
} as const;

/** autoscaling/v1 knows one metric, the CPU's utilization; the others travel as annotations. */
export const autoscalerConversion: Conversion = {
  toServed(object) {
    const { metadata, spec, status } = object as StoredAutoscaler;
    const cpu = spec.metrics?.find(isCpuUtilization);
    const others = spec.metrics?.filter((metric) => metric !== cpu) ?? [];
    const currentCpu = status.currentMetrics?.find(
      ({ type, resource }) => type === 'Resource' && resource?.name === 'cpu',
    );
    const carried = {
      ...(others.length > 0 && { [annotations.metrics]: JSON.stringify(others) }),
      ...(spec.behavior && { [annotations.behavior]: JSON.stringify(spec.behavior) }),
      ...(status.currentMetrics?.length && {
        [annotations.currentMetrics]: JSON.stringify(status.currentMetrics),
      }),
      ...(status.conditions?.length && {
        [annotations.conditions]: JSON.stringify(status.conditions),
      }),
    };
    const all = { ...metadata.annotations, ...carried };
    const served = {
      kind: 'HorizontalPodAutoscaler',
      apiVersion: 'autoscaling/v1',
      metadata: { ...metadata, annotations: Object.keys(all).length > 0 ? all : undefined },
      spec: {
        scaleTargetRef: spec.scaleTargetRef,
        minReplicas: spec.minReplicas,
        maxReplicas: spec.maxReplicas,
        targetCPUUtilizationPercentage: cpu?.resource?.target.averageUtilization,
      },
      status: {
        observedGeneration: status.observedGeneration,
        lastScaleTime: status.lastScaleTime,
        currentReplicas: status.currentReplicas ?? 0,
        desiredReplicas: status.desiredReplicas,
        currentCPUUtilizationPercentage: currentCpu?.resource?.current.averageUtilization,
      },
    };
    return served as unknown as KubeObject;
  },
  toStored(draft) {
    const { metadata, spec, status } = draft as unknown as ServedAutoscaler;
    const { kept, carried } = split(metadata.annotations);
    const target = spec.targetCPUUtilizationPercentage;
    const metrics = [
      ...(target === undefined ? [] : [cpuUtilization(target)]),
      ...((carried.metrics as readonly MetricSpec[] | undefined) ?? []),
    ];
    const stored = {
      kind: 'HorizontalPodAutoscaler',
      apiVersion: 'autoscaling/v2',
      metadata: { ...metadata, annotations: kept },
      spec: {
        scaleTargetRef: spec.scaleTargetRef,
        minReplicas: spec.minReplicas,
        maxReplicas: spec.maxReplicas,
        metrics: metrics.length > 0 ? metrics : undefined,
        behavior: carried.behavior,
      },
      status: {
        observedGeneration: status?.observedGeneration,
        lastScaleTime: status?.lastScaleTime,
        currentReplicas: status?.currentReplicas || undefined,
        desiredReplicas: status?.desiredReplicas ?? 0,
        currentMetrics: carried.currentMetrics ?? null,
        conditions: carried.conditions,
      },
    };
    return stored as unknown as Draft<KubeObject>;
  },
};

function isCpuUtilization({ type, resource }: MetricSpec): boolean {
  return type === 'Resource' && resource?.name === 'cpu' && resource.target.type === 'Utilization';
}

function cpuUtilization(averageUtilization: number): MetricSpec {
  return {
    type: 'Resource',
    resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
  };
}

type Carried = Partial<Record<keyof typeof annotations, unknown>>;

function split(given: Readonly<Record<string, string>> | undefined): {
  readonly kept: Readonly<Record<string, string>> | undefined;
  readonly carried: Carried;
} {
  if (!given) return { kept: undefined, carried: {} };
  const carried: Carried = {};
  const kept: Record<string, string> = { ...given };
  for (const [name, annotation] of Object.entries(annotations)) {
    const text = kept[annotation];
    if (text === undefined) continue;
    delete kept[annotation];
    carried[name as keyof Carried] = parsed(text);
  }
  return { kept: Object.keys(kept).length > 0 ? kept : undefined, carried };
}

/** Somebody else's annotation of that name carries nothing. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
