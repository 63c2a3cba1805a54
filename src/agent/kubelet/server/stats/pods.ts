import { stat } from 'node:fs/promises';
import type { FilesystemStats } from './proc.ts';
import type { Rates } from './rates.ts';
import type {
  ContainerStats,
  CpuStats,
  FsStats,
  MemoryUsage,
  NetworkStats,
  PodStats,
} from './types.ts';
import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import { RuntimeError } from '#agent/container-runtime/runtime-error.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';

type RuntimeStats = Awaited<ReturnType<ContainerRuntime['listContainerStats']>>['stats'][number];
type SandboxStats = Awaited<ReturnType<ContainerRuntime['listPodSandboxStats']>>['stats'][number];

export interface PodStatsOptions {
  readonly kubelet: PodDirectory;
  readonly runtime: ContainerRuntime;
  readonly rates: Rates;
  readonly onlyCpuAndMemory: boolean;
  /** Where containers write to; their limits are its. */
  readonly filesystem: FilesystemStats | undefined;
}

const uidLabel = 'io.kubernetes.pod.uid';
const nameLabel = 'io.kubernetes.container.name';

/** What each running pod and its containers use, by what the runtime measures. */
export async function podStats(options: PodStatsOptions): Promise<PodStats[]> {
  const { kubelet, runtime } = options;
  const [{ stats }, sandboxes] = await Promise.all([
    runtime.listContainerStats({}),
    sandboxStats(runtime),
  ]);
  // Of containers that have ended nothing is measured.
  const running = stats.filter(({ cpu }) => (cpu?.timestamp ?? 0n) > 0n);
  const byPod = Map.groupBy(running, ({ attributes }) => attributes?.labels[uidLabel] ?? '');
  const found: PodStats[] = [];
  for (const pod of kubelet.pods()) {
    const containers = byPod.get(pod.metadata.uid);
    if (!containers) continue;
    found.push(await onePod(pod, containers, { ...options, sandboxes }));
  }
  return found;
}

/** Older runtimes do not count whole pods. */
async function sandboxStats(runtime: ContainerRuntime): Promise<ReadonlyMap<string, SandboxStats>> {
  try {
    const { stats } = await runtime.listPodSandboxStats({});
    return new Map(stats.map((each) => [each.attributes?.metadata?.uid ?? '', each]));
  } catch (error) {
    if (error instanceof RuntimeError) return new Map();
    throw error;
  }
}

async function onePod(
  pod: Pod,
  running: readonly RuntimeStats[],
  options: PodStatsOptions & { readonly sandboxes: ReadonlyMap<string, SandboxStats> },
): Promise<PodStats> {
  const { name, namespace = '', uid } = pod.metadata;
  const containers = await Promise.all(running.map((each) => oneContainer(pod, each, options)));
  const whole = options.sandboxes.get(uid)?.linux;
  const cpu = whole?.cpu ? cpuStats(`pod ${uid}`, whole.cpu, options.rates) : sumCpu(containers);
  const memory = whole?.memory ? memoryUsage(whole.memory) : sumMemory(containers);
  const network = options.onlyCpuAndMemory ? undefined : networkStats(whole?.network);
  const storage = sumStorage(containers);
  const { time } = memory;
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status?.startTime ?? pod.metadata.creationTimestamp ?? time,
    containers,
    cpu,
    memory,
    ...(network && { network }),
    ...(storage && { 'ephemeral-storage': storage }),
    swap: { time, swapUsageBytes: sum(containers, ({ swap }) => swap.swapUsageBytes) },
  };
}

async function oneContainer(
  pod: Pod,
  { attributes, cpu, memory, writableLayer, swap }: RuntimeStats,
  { rates, kubelet, filesystem, onlyCpuAndMemory }: PodStatsOptions,
): Promise<ContainerStats> {
  const name = attributes?.labels[nameLabel] ?? attributes?.metadata?.name ?? '';
  const usage = memoryUsage(memory);
  const { time } = usage;
  const state = pod.status?.containerStatuses?.find((each) => each.name === name)?.state;
  const path = kubelet.container(pod.metadata.uid, name)?.logPath;
  const isShort = onlyCpuAndMemory || !filesystem;
  return {
    name,
    startTime: state?.running?.startedAt ?? time,
    cpu: cpuStats(attributes?.id ?? name, cpu, rates),
    memory: usage,
    ...(!isShort && {
      rootfs: { time, ...filesystem, ...layer(writableLayer) },
      logs: { time, ...filesystem, ...(await logUsage(path)) },
    }),
    swap: {
      time,
      swapAvailableBytes: swap?.swapAvailableBytes?.value ?? 0,
      swapUsageBytes: swap?.swapUsageBytes?.value ?? 0,
    },
  };
}

function layer(usage: RuntimeStats['writableLayer']): Pick<FsStats, 'usedBytes' | 'inodesUsed'> {
  return { usedBytes: usage?.usedBytes?.value ?? 0, inodesUsed: usage?.inodesUsed?.value ?? 0 };
}

async function logUsage(
  path: string | undefined,
): Promise<Pick<FsStats, 'usedBytes' | 'inodesUsed'>> {
  // A container that wrote nothing has no file.
  const found = path === undefined ? undefined : await stat(path).catch(() => undefined);
  return { usedBytes: (found?.blocks ?? 0) * 512, inodesUsed: found ? 1 : 0 };
}

function cpuStats(key: string, cpu: RuntimeStats['cpu'], rates: Rates): CpuStats {
  const time = milliseconds(cpu?.timestamp);
  const total = cpu?.usageCoreNanoSeconds?.value ?? 0;
  const rate = rates.rate(key, time, total) ?? cpu?.usageNanoCores?.value;
  return {
    time: new Date(time).toISOString(),
    ...(rate !== undefined && { usageNanoCores: rate }),
    usageCoreNanoSeconds: total,
  };
}

function memoryUsage(memory: RuntimeStats['memory']): MemoryUsage {
  const available = memory?.availableBytes?.value;
  return {
    time: new Date(milliseconds(memory?.timestamp)).toISOString(),
    ...(available && { availableBytes: available }),
    usageBytes: memory?.usageBytes?.value ?? 0,
    workingSetBytes: memory?.workingSetBytes?.value ?? 0,
    rssBytes: memory?.rssBytes?.value ?? 0,
    pageFaults: memory?.pageFaults?.value ?? 0,
    majorPageFaults: memory?.majorPageFaults?.value ?? 0,
  };
}

function networkStats(
  network: NonNullable<SandboxStats['linux']>['network'] | undefined,
): NetworkStats | undefined {
  const main = network?.defaultInterface;
  if (!main) return undefined;
  const all = network.interfaces.length > 0 ? network.interfaces : [main];
  const shown = (each: typeof main): object => ({
    name: each.name,
    rxBytes: each.rxBytes?.value ?? 0,
    rxErrors: each.rxErrors?.value ?? 0,
    txBytes: each.txBytes?.value ?? 0,
    txErrors: each.txErrors?.value ?? 0,
  });
  const time = new Date(milliseconds(network.timestamp)).toISOString();
  return { time, ...shown(main), interfaces: all.map(shown) };
}

function sumCpu(containers: readonly ContainerStats[]): CpuStats {
  return {
    time: containers[0]!.cpu.time,
    usageNanoCores: sum(containers, ({ cpu }) => cpu.usageNanoCores ?? 0),
    usageCoreNanoSeconds: sum(containers, ({ cpu }) => cpu.usageCoreNanoSeconds),
  };
}

function sumMemory(containers: readonly ContainerStats[]): MemoryUsage {
  const of = (read: (memory: MemoryUsage) => number): number =>
    sum(containers, ({ memory }) => read(memory));
  return {
    time: containers[0]!.memory.time,
    usageBytes: of(({ usageBytes }) => usageBytes),
    workingSetBytes: of(({ workingSetBytes }) => workingSetBytes),
    rssBytes: of(({ rssBytes }) => rssBytes),
    pageFaults: of(({ pageFaults }) => pageFaults),
    majorPageFaults: of(({ majorPageFaults }) => majorPageFaults),
  };
}

/** What counts against a pod's ephemeral-storage: layers and logs. */
function sumStorage(containers: readonly ContainerStats[]): FsStats | undefined {
  const parts = containers.flatMap(({ rootfs, logs }) => [rootfs, logs]).filter((each) => !!each);
  const [first] = parts;
  if (!first) return undefined;
  return {
    ...first,
    usedBytes: sum(parts, ({ usedBytes }) => usedBytes),
    inodesUsed: sum(parts, ({ inodesUsed }) => inodesUsed),
  };
}

function sum<T>(items: readonly T[], read: (item: T) => number): number {
  return items.reduce((total, item) => total + read(item), 0);
}

function milliseconds(nanoseconds: bigint | undefined): number {
  return Number((nanoseconds ?? 0n) / 1_000_000n);
}
