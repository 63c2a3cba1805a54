import type { PodVolumes } from '#agent/volumes/index.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { KubeletContext } from '../context.ts';
import { emptyDirUsage } from '../disk-limits.ts';
import type { PodDirectory } from '../pod-directory.ts';
import { podStats } from '../server/stats/pods.ts';
import { readFilesystem } from '../server/stats/proc.ts';
import { Rates } from '../server/stats/rates.ts';
import type { ContainerStats, PodStats } from '../server/stats/types.ts';
import type { PodUsage, UsageOf } from './ranking.ts';
import type { Signal } from './signals.ts';

export interface UsageSources {
  readonly context: KubeletContext;
  readonly directory: PodDirectory;
  readonly volumes: PodVolumes;
}

/** What of a pod lies on the file system that runs short. */
interface DiskParts {
  readonly layers: boolean;
  readonly logsAndVolumes: boolean;
}

export function diskPartsOf(signal: Signal, hasImageFs: boolean): DiskParts {
  if (!hasImageFs) return { layers: true, logsAndVolumes: true };
  const isOfImages = signal.startsWith('imagefs.');
  return { layers: isOfImages, logsAndVolumes: !isOfImages };
}

/** Measures all pods that run. */
export async function measurePods(
  { context, directory, volumes }: UsageSources,
  parts: DiskParts,
): Promise<UsageOf> {
  const { runtime, settings } = context;
  const stats = await podStats({
    kubelet: directory,
    runtime,
    rates: new Rates(),
    onlyCpuAndMemory: false,
    filesystem: await readFilesystem(settings.folders.kubelet),
  });
  const pods = new Map(directory.pods().map((pod) => [pod.metadata.uid, pod]));
  const usages = new Map<string, PodUsage>();
  for (const one of stats) {
    const pod = pods.get(one.podRef.uid);
    if (pod) usages.set(one.podRef.uid, await usageOf(pod, one, { volumes, parts }));
  }
  return ({ metadata }) => usages.get(metadata.uid);
}

async function usageOf(
  pod: Pod,
  { memory, containers }: PodStats,
  { volumes, parts }: { readonly volumes: PodVolumes; readonly parts: DiskParts },
): Promise<PodUsage> {
  const inVolumes = parts.logsAndVolumes ? await emptyDirUsage(pod, volumes) : nothing;
  const sum = (read: (one: ContainerStats) => number): number =>
    containers.reduce((total, one) => total + read(one), 0);
  const of = (kind: 'usedBytes' | 'inodesUsed'): number =>
    sum(
      ({ rootfs, logs }) =>
        (parts.layers ? (rootfs?.[kind] ?? 0) : 0) +
        (parts.logsAndVolumes ? (logs?.[kind] ?? 0) : 0),
    );
  return {
    memory: memory.workingSetBytes,
    disk: of('usedBytes') + inVolumes.bytes,
    inodes: of('inodesUsed') + inVolumes.inodes,
    containers: containers.map(({ name, memory: own, rootfs, logs }) => ({
      name,
      memory: own.workingSetBytes,
      disk: (rootfs?.usedBytes ?? 0) + (logs?.usedBytes ?? 0),
    })),
  };
}

const nothing = { bytes: 0, inodes: 0 };
