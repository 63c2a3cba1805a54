import { readFile, statfs } from 'node:fs/promises';

/** What the kernel tells about a whole machine, read once. */
export interface MachineStats {
  readonly bootTime: number;
  /** Nanoseconds that all cores together have worked. */
  readonly cpuNanoseconds: number;
  readonly memory: MemoryStats;
  readonly swap: { readonly total: number; readonly free: number };
  readonly interfaces: readonly InterfaceStats[];
  /** The one that the default route leads through. */
  readonly defaultInterface: string | undefined;
  readonly mostProcesses: number;
  readonly processes: number;
}

export interface MemoryStats {
  readonly available: number;
  readonly usage: number;
  readonly workingSet: number;
  readonly rss: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
}

export interface InterfaceStats {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxErrors: number;
  readonly txBytes: number;
  readonly txErrors: number;
}

const nanosecondsPerTick = 10_000_000;

export async function readMachine(): Promise<MachineStats> {
  const [stat, meminfo, vmstat, net, route, pidMax, loadavg] = await Promise.all([
    read('/proc/stat'),
    read('/proc/meminfo'),
    read('/proc/vmstat'),
    read('/proc/net/dev'),
    read('/proc/net/route'),
    read('/proc/sys/kernel/pid_max'),
    read('/proc/loadavg'),
  ]);
  const memory = table(meminfo, 1024);
  const faults = table(vmstat);
  const total = memory('MemTotal');
  const interfaces = parseInterfaces(net);
  const defaultInterface = route
    .split('\n')
    .map((line) => line.split('\t'))
    .find(([, destination]) => destination === '00000000')?.[0];
  return {
    bootTime: Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1000,
    cpuNanoseconds: cpuTicks(stat) * nanosecondsPerTick,
    memory: {
      available: memory('MemAvailable'),
      usage: total - memory('MemFree'),
      workingSet: total - memory('MemAvailable'),
      rss: memory('AnonPages'),
      pageFaults: faults('pgfault'),
      majorPageFaults: faults('pgmajfault'),
    },
    swap: { total: memory('SwapTotal'), free: memory('SwapFree') },
    interfaces,
    defaultInterface: defaultInterface ?? interfaces.find(({ name }) => name !== 'lo')?.name,
    mostProcesses: Number(pidMax),
    processes: Number(/\/(\d+)/.exec(loadavg)?.[1] ?? 0),
  };
}

/** Of what only some kernels tell: an empty text where there is nothing. */
function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** All but idling and waiting. */
function cpuTicks(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = (
    /^cpu +(.*)$/m.exec(stat)?.[1] ?? ''
  )
    .split(' ')
    .map(Number);
  return user + nice + system + irq + softIrq + steal;
}

function table(content: string, unit = 1): (name: string) => number {
  const values = new Map<string, number>();
  for (const [, name = '', value = ''] of content.matchAll(/^(\w+):? +(\d+)/gm)) {
    values.set(name, Number(value) * unit);
  }
  return (name) => values.get(name) ?? 0;
}

export function parseInterfaces(content: string): InterfaceStats[] {
  return [...content.matchAll(/^ *([^ :]+): *(.*)$/gm)].map(([, name = '', numbers = '']) => {
    const [rxBytes = 0, , rxErrors = 0, , , , , , txBytes = 0, , txErrors = 0] = numbers
      .split(/ +/)
      .map(Number);
    return { name, rxBytes, rxErrors, txBytes, txErrors };
  });
}

export interface FilesystemStats {
  readonly availableBytes: number;
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly inodesFree: number;
  readonly inodes: number;
  readonly inodesUsed: number;
}

/** Of the file system that holds the path; absent while there is no such path. */
export async function readFilesystem(path: string): Promise<FilesystemStats | undefined> {
  const found = await statfs(path).catch(() => undefined); // not there yet: nothing is known of it
  if (!found) return undefined;
  const { bsize, blocks, bavail, bfree, files, ffree } = found;
  return {
    availableBytes: bavail * bsize,
    capacityBytes: blocks * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodesFree: ffree,
    inodes: files,
    inodesUsed: files - ffree,
  };
}
