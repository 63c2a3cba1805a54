import { readdir, readFile } from 'node:fs/promises';
import { arch, availableParallelism, release } from 'node:os';

/** What the machine is, as it does not change while the agent runs. */
export interface NodeFacts {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly kernelRelease: string;
  /** `amd64`, `arm64`. */
  readonly architecture: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  /** Sizes of huge pages in bytes, the smallest first. */
  readonly hugePageSizes: readonly number[];
  readonly cgroupVersion: 1 | 2;
  readonly hasAppArmor: boolean;
}

export async function readNodeFacts(): Promise<NodeFacts> {
  const [meminfo, osRelease, machineId, bootId] = await Promise.all(
    ['/proc/meminfo', '/etc/os-release', '/etc/machine-id', '/proc/sys/kernel/random/boot_id'].map(
      (path) => readFile(path, 'utf8'),
    ),
  );
  const id = machineId?.trim() ?? '';
  const uuid = await readFile('/sys/class/dmi/id/product_uuid', 'utf8').catch(() => id); // virtual machines may have none
  const isUnified = await readFile('/sys/fs/cgroup/cgroup.controllers', 'utf8').then(
    () => true,
    () => false,
  );
  return {
    cpus: availableParallelism(),
    memoryBytes: Number(/^MemTotal:\s+(\d+) kB/m.exec(meminfo ?? '')?.[1] ?? 0) * 1024,
    kernelRelease: release(),
    architecture: arch() === 'x64' ? 'amd64' : arch(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease ?? '')?.[1] ?? '',
    machineId: id,
    systemUuid: uuid.trim(),
    bootId: bootId?.trim() ?? '',
    hugePageSizes: await hugePageSizes(),
    cgroupVersion: isUnified ? 2 : 1,
    hasAppArmor: await hasAppArmor(),
  };
}

async function hasAppArmor(): Promise<boolean> {
  return await readFile('/sys/module/apparmor/parameters/enabled', 'utf8').then(
    (text) => text.startsWith('Y'),
    () => false,
  );
}

async function hugePageSizes(): Promise<number[]> {
  const names = await readdir('/sys/kernel/mm/hugepages').catch(() => []); // not built into every kernel
  return names
    .map((name) => Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0) * 1024)
    .filter((size) => size > 0)
    .toSorted((a, b) => a - b);
}

/** `2MB`, `1GB`: as cgroups name huge pages. */
export function hugePageName(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value}${units[unit]}`;
}
