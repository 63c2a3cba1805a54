import { podStats } from './pods.ts';
import { readFilesystem, readMachine, type FilesystemStats } from './proc.ts';
import { Rates } from './rates.ts';
import type { FsStats, NodeStats, Summary } from './types.ts';
import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import type { Clock } from '#shared/base/clock.ts';

export interface StatsOptions {
  readonly nodeName: string;
  /** The kubelet's own folder: the node's file system. */
  readonly folder: string;
  readonly kubelet: PodDirectory;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
}

/** What node and pods use, measured when somebody asks. */
export class Stats {
  readonly #options: StatsOptions;
  readonly #rates = new Rates();

  constructor(options: StatsOptions) {
    this.#options = options;
  }

  async summary({
    onlyCpuAndMemory = false,
  }: { readonly onlyCpuAndMemory?: boolean } = {}): Promise<Summary> {
    const { kubelet, runtime } = this.#options;
    const rates = this.#rates;
    const images = onlyCpuAndMemory ? undefined : await this.#imageFilesystem();
    const filesystem = images?.filesystem;
    const [node, pods] = await Promise.all([
      this.#node({ onlyCpuAndMemory, images }),
      podStats({ kubelet, runtime, rates, onlyCpuAndMemory, filesystem }),
    ]);
    return { node, pods };
  }

  async #node({
    onlyCpuAndMemory,
    images,
  }: {
    readonly onlyCpuAndMemory: boolean;
    readonly images: ImageFilesystem | undefined;
  }): Promise<NodeStats> {
    const { nodeName, folder, clock } = this.#options;
    const now = clock.now();
    const time = new Date(now).toISOString();
    const machine = await readMachine();
    const { memory, cpuNanoseconds, swap } = machine;
    const usageNanoCores = this.#rates.rate('node', clock.elapsed(), cpuNanoseconds);
    const short: NodeStats = {
      nodeName,
      startTime: new Date(machine.bootTime).toISOString(),
      cpu: {
        time,
        ...(usageNanoCores !== undefined && { usageNanoCores }),
        usageCoreNanoSeconds: cpuNanoseconds,
      },
      memory: {
        time,
        availableBytes: memory.available,
        usageBytes: memory.usage,
        workingSetBytes: memory.workingSet,
        rssBytes: memory.rss,
        pageFaults: memory.pageFaults,
        majorPageFaults: memory.majorPageFaults,
      },
      swap: { time, swapAvailableBytes: swap.free, swapUsageBytes: swap.total - swap.free },
    };
    if (onlyCpuAndMemory) return short;
    const main = machine.interfaces.find(({ name }) => name === machine.defaultInterface);
    const others = machine.interfaces.filter(({ name }) => name !== 'lo');
    const fs = await readFilesystem(folder);
    return {
      ...short,
      network: { time, ...main, interfaces: others },
      ...(fs && { fs: { time, ...fs } }),
      ...(images && { runtime: runtimeFilesystems(time, images) }),
      rlimit: { time, maxpid: machine.mostProcesses, curproc: machine.processes },
    };
  }

  async #imageFilesystem(): Promise<ImageFilesystem | undefined> {
    const { imageFilesystems } = await this.#options.runtime.imageFsInfo({});
    const [found] = imageFilesystems;
    const filesystem = await readFilesystem(found?.fsId?.mountpoint ?? '');
    if (!filesystem) return undefined;
    const { usedBytes, inodesUsed } = found!;
    return {
      filesystem,
      usedBytes: usedBytes?.value ?? 0,
      inodesUsed: inodesUsed?.value ?? 0,
    };
  }
}

interface ImageFilesystem {
  readonly filesystem: FilesystemStats;
  readonly usedBytes: number;
  readonly inodesUsed: number;
}

function runtimeFilesystems(
  time: string,
  { filesystem, usedBytes, inodesUsed }: ImageFilesystem,
): { readonly imageFs: FsStats; readonly containerFs: FsStats } {
  const whole = { time, ...filesystem };
  return { imageFs: { ...whole, usedBytes, inodesUsed }, containerFs: whole };
}
