import { availableParallelism, totalmem } from 'node:os';
import { exposition, type Metric, type Sample } from './exposition.ts';
import type { KubeletAnswer } from '#agent/kubelet/server/exchange.ts';
import type {
  ContainerStats,
  NetworkStats,
  PodStats,
  Summary,
} from '#agent/kubelet/server/stats/types.ts';

type OfContainer = readonly [
  name: string,
  help: string,
  read: (container: ContainerStats) => number | undefined,
];
type OfNetwork = readonly [
  name: string,
  help: string,
  read: (usage: NetworkStats) => number | undefined,
];

const ofContainers: readonly OfContainer[] = [
  [
    'container_cpu_usage_seconds_total',
    'Cumulative cpu time consumed in seconds.',
    ({ cpu }) => cpu.usageCoreNanoSeconds / 1e9,
  ],
  [
    'container_memory_working_set_bytes',
    'Current working set in bytes.',
    ({ memory }) => memory.workingSetBytes,
  ],
  [
    'container_memory_usage_bytes',
    'Current memory usage in bytes, including all memory regardless of when it was accessed',
    ({ memory }) => memory.usageBytes,
  ],
  ['container_memory_rss', 'Size of RSS in bytes.', ({ memory }) => memory.rssBytes],
  ['container_memory_swap', 'Container swap usage in bytes.', ({ swap }) => swap.swapUsageBytes],
  [
    'container_start_time_seconds',
    'Start time of the container since unix epoch in seconds.',
    ({ startTime }) => Date.parse(startTime) / 1000,
  ],
  [
    'container_fs_usage_bytes',
    'Number of bytes that are consumed by the container on this filesystem.',
    ({ rootfs }) => rootfs?.usedBytes,
  ],
];

const ofNetworks: readonly OfNetwork[] = [
  [
    'container_network_receive_bytes_total',
    'Cumulative count of bytes received',
    ({ rxBytes }) => rxBytes,
  ],
  [
    'container_network_transmit_bytes_total',
    'Cumulative count of bytes transmitted',
    ({ txBytes }) => txBytes,
  ],
  [
    'container_network_receive_errors_total',
    'Cumulative count of errors encountered while receiving',
    ({ rxErrors }) => rxErrors,
  ],
  [
    'container_network_transmit_errors_total',
    'Cumulative count of errors encountered while transmitting',
    ({ txErrors }) => txErrors,
  ],
];

/** `/metrics/cadvisor`: of cAdvisor's names those that the runtime measures something for. */
export function cadvisorMetrics({ pods }: Summary): KubeletAnswer {
  return exposition([
    ...ofContainers.map(([name, help, read]) =>
      metric(
        name,
        help,
        pods.flatMap((pod) => containerSamples(pod, read)),
      ),
    ),
    ...ofNetworks.map(([name, help, read]) =>
      metric(
        name,
        help,
        pods.flatMap((pod) => networkSamples(pod, read)),
      ),
    ),
    metric('machine_cpu_cores', 'Number of logical CPU cores.', [
      { value: availableParallelism() },
    ]),
    metric('machine_memory_bytes', 'Amount of memory installed on the machine.', [
      { value: totalmem() },
    ]),
    metric(
      'container_scrape_error',
      '1 if there was an error while getting container metrics, 0 otherwise',
      [{ value: 0 }],
    ),
  ]);
}

function metric(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: name.endsWith('_total') ? 'counter' : 'gauge', samples };
}

function containerSamples({ podRef, containers }: PodStats, read: OfContainer[2]): Sample[] {
  const { namespace, name: pod } = podRef;
  return containers.flatMap((container) => {
    const value = read(container);
    const labels = { namespace, pod, container: container.name };
    return value === undefined ? [] : [{ labels, value, time: container.memory.time }];
  });
}

function networkSamples({ podRef, network }: PodStats, read: OfNetwork[2]): Sample[] {
  const value = network && read(network);
  if (!network || value === undefined) return [];
  const { namespace, name: pod } = podRef;
  const labels = { namespace, pod, container: '', interface: network.name ?? '' };
  return [{ labels, value, time: network.time }];
}
