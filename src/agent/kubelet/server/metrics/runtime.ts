import type { Metric, Sample } from './exposition.ts';
import { operationBuckets, type OperationCount } from '#agent/container-runtime/operations.ts';

/** What the container runtime was asked, by upstream's names. */
export function runtimeMetrics(operations: readonly OperationCount[]): readonly Metric[] {
  const counter = (name: string, help: string, of: (one: OperationCount) => number): Metric => ({
    name,
    help,
    type: 'counter',
    samples: operations.map((one) => ({
      labels: { operation_type: one.operation },
      value: of(one),
    })),
  });
  return [
    counter(
      'kubelet_runtime_operations_total',
      '[ALPHA] Cumulative number of runtime operations by operation type.',
      ({ count }) => count,
    ),
    counter(
      'kubelet_runtime_operations_errors_total',
      '[ALPHA] Cumulative number of runtime operation errors by operation type.',
      ({ errors }) => errors,
    ),
    {
      name: 'kubelet_runtime_operations_duration_seconds',
      help: '[ALPHA] Duration in seconds of runtime operations. Broken down by operation type.',
      type: 'histogram',
      samples: operations.flatMap(durations),
    },
  ];
}

function durations({ operation, count, seconds, within }: OperationCount): readonly Sample[] {
  const labels = { operation_type: operation };
  const bucket = (bound: string, value: number): Sample => ({
    part: 'bucket',
    labels: { ...labels, le: bound },
    value,
  });
  return [
    ...operationBuckets.map((bound, at) => bucket(String(bound), within[at] ?? 0)),
    bucket('+Inf', count),
    { part: 'sum', labels, value: seconds },
    { part: 'count', labels, value: count },
  ];
}
