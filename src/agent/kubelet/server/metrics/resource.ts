import { exposition, type Metric, type Sample } from './exposition.ts';
import type { KubeletAnswer } from '#agent/kubelet/server/exchange.ts';
import type { ContainerStats, PodStats, Summary } from '#agent/kubelet/server/stats/types.ts';

interface Described extends Omit<Metric, 'samples'> {
  readonly of: (summary: Summary) => readonly Sample[];
}

const cpuSeconds = ({ cpu }: Pick<PodStats, 'cpu'>): Sample => ({
  value: cpu.usageCoreNanoSeconds / 1e9,
  time: cpu.time,
});
const workingSet = ({ memory }: Pick<PodStats, 'memory'>): Sample => ({
  value: memory.workingSetBytes,
  time: memory.time,
});
const swapUsage = ({ swap }: Pick<PodStats, 'swap'>): Sample => ({
  value: swap.swapUsageBytes,
  time: swap.time,
});
const started = ({ startTime }: ContainerStats): Sample => ({
  value: Date.parse(startTime) / 1000,
});

/** Upstream's names and sentences. */
const described: readonly Described[] = [
  {
    name: 'container_cpu_usage_seconds_total',
    type: 'counter',
    help: '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
    of: ofContainers(cpuSeconds),
  },
  {
    name: 'container_memory_working_set_bytes',
    type: 'gauge',
    help: '[STABLE] Current working set of the container in bytes',
    of: ofContainers(workingSet),
  },
  {
    name: 'container_start_time_seconds',
    type: 'gauge',
    help: '[STABLE] Start time of the container since unix epoch in seconds',
    of: ofContainers(started),
  },
  {
    name: 'container_swap_usage_bytes',
    type: 'gauge',
    help: '[ALPHA] Current amount of the container swap usage in bytes. Reported only on non-windows systems',
    of: ofContainers(swapUsage),
  },
  {
    name: 'node_cpu_usage_seconds_total',
    type: 'counter',
    help: '[STABLE] Cumulative cpu time consumed by the node in core-seconds',
    of: ({ node }) => [cpuSeconds(node)],
  },
  {
    name: 'node_memory_working_set_bytes',
    type: 'gauge',
    help: '[STABLE] Current working set of the node in bytes',
    of: ({ node }) => [workingSet(node)],
  },
  {
    name: 'node_swap_usage_bytes',
    type: 'gauge',
    help: '[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems',
    of: ({ node }) => [swapUsage(node)],
  },
  {
    name: 'pod_cpu_usage_seconds_total',
    type: 'counter',
    help: '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
    of: ofPods(cpuSeconds),
  },
  {
    name: 'pod_memory_working_set_bytes',
    type: 'gauge',
    help: '[STABLE] Current working set of the pod in bytes',
    of: ofPods(workingSet),
  },
  {
    name: 'pod_swap_usage_bytes',
    type: 'gauge',
    help: '[ALPHA] Current amount of the pod swap usage in bytes. Reported only on non-windows systems',
    of: ofPods(swapUsage),
  },
  {
    name: 'resource_scrape_error',
    type: 'gauge',
    help: '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
    of: () => [{ value: 0 }],
  },
];

/** `/metrics/resource`: what autoscaling lives on. */
export function resourceMetrics(summary: Summary): KubeletAnswer {
  return exposition(described.map(({ of, ...metric }) => ({ ...metric, samples: of(summary) })));
}

function ofContainers(read: (container: ContainerStats) => Sample): Described['of'] {
  return ({ pods }) =>
    pods.flatMap((pod) =>
      pod.containers.map((container) => ({
        labels: { ...labelsOf(pod), container: container.name },
        ...read(container),
      })),
    );
}

function ofPods(read: (pod: PodStats) => Sample): Described['of'] {
  return ({ pods }) => pods.map((pod) => ({ labels: labelsOf(pod), ...read(pod) }));
}

function labelsOf({ podRef }: PodStats): Readonly<Record<string, string>> {
  return { namespace: podRef.namespace, pod: podRef.name };
}
