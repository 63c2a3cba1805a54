import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { podRequests } from '#shared/kube/pod-requests.ts';
import { podResources, sharesOf, type LinuxResources } from './containers/linux-resources.ts';
import { qualityOfService } from './containers/quality-of-service.ts';

const run = promisify(execFile);
const root = '/sys/fs/cgroup';

export type CgroupDriver = 'cgroupfs' | 'systemd';

/** How the runtime keeps containers' cgroups; the pods' ones are made in the same way. */
export interface PodCgroups {
  /** Makes the cgroup of all pods and those of the two lower classes. */
  start(): Promise<void>;
  /** What the runtime is to put the pod's containers below. */
  parentOf(pod: Pod): string;
  apply(pod: Pod): Promise<void>;
  remove(pod: Pod): Promise<void>;
  /** Removes the cgroups of pods that are not among these; for after a restart. */
  sweep(uids: ReadonlySet<string>): Promise<void>;
  /** Sums up what pods of the middle class ask for, so that they get as much CPU. */
  share(pods: Iterable<Pod>): Promise<void>;
}

export interface CgroupOptions {
  readonly version: 1 | 2;
  readonly driver: CgroupDriver;
}

export function createPodCgroups({ version, driver }: CgroupOptions): PodCgroups {
  const names = driver === 'systemd' ? systemdNames : plainNames;
  const tree = version === 2 ? unifiedTree() : splitTree();
  /** What pods' cgroups have been given, as text to be compared. */
  const given = new Map<string, string>();
  const place = (pod: Pod): string[] => names.path(classOf(pod), `pod${pod.metadata.uid}`);
  const make = async (path: readonly string[], resources?: LinuxResources): Promise<void> => {
    if (driver === 'systemd') await startSlice(path.at(-1) ?? '');
    await tree.make(path.join('/'));
    if (resources) await tree.limit(path.join('/'), resources);
  };
  return {
    async start() {
      await make(names.path(undefined, undefined));
      for (const one of ['burstable', 'besteffort'] as const)
        await make(names.path(one, undefined));
      await tree.limit(names.path('besteffort', undefined).join('/'), noLimits(2));
    },
    parentOf: (pod) => {
      const path = place(pod);
      return driver === 'systemd' ? (path.at(-1) ?? '') : `/${path.join('/')}`;
    },
    async apply(pod) {
      const path = place(pod);
      const [key, resources] = [path.join('/'), podResources(pod)];
      const wanted = JSON.stringify(resources);
      if (given.get(key) === wanted && (await tree.has(key))) return;
      await make(path, resources);
      given.set(key, wanted);
    },
    async remove(pod) {
      const path = place(pod);
      given.delete(path.join('/'));
      if (driver === 'systemd') await stopSlice(path.at(-1) ?? '');
      await tree.remove(path.join('/'));
    },
    async sweep(uids) {
      for (const one of [undefined, 'burstable', 'besteffort'] as const) {
        const parent = names.path(one, undefined);
        for (const name of await tree.children(parent.join('/'))) {
          const uid = names.uidOf(name);
          if (uid === undefined || uids.has(uid)) continue;
          if (driver === 'systemd') await stopSlice(name);
          await tree.remove([...parent, name].join('/'));
        }
      }
    },
    async share(pods) {
      let milli = 0;
      for (const pod of pods)
        if (qualityOfService(pod) === 'Burstable') milli += podRequests(pod).get('cpu') ?? 0;
      await tree.limit(names.path('burstable', undefined).join('/'), noLimits(sharesOf(milli)));
    },
  };
}

type PodClass = 'burstable' | 'besteffort' | undefined;

function classOf(pod: Pod): PodClass {
  const quality = qualityOfService(pod);
  if (quality === 'Guaranteed') return undefined;
  return quality === 'Burstable' ? 'burstable' : 'besteffort';
}

function noLimits(cpuShares: number): LinuxResources {
  return { cpuShares, cpuPeriod: 100_000, cpuQuota: -1, memoryLimitInBytes: 0 };
}

interface Names {
  path(podClass: PodClass, pod: string | undefined): string[];
  uidOf(folder: string): string | undefined;
}

const plainNames: Names = {
  path: (podClass, pod) => ['kubepods', podClass, pod].filter((part) => part !== undefined),
  uidOf: (folder) => /^pod([0-9a-f-]{32,36})$/.exec(folder)?.[1],
};

/** A slice's name says all slices that it is in; a dash separates them, so uids have none. */
const systemdNames: Names = {
  path(podClass, pod) {
    const parts = ['kubepods', podClass, pod?.replaceAll('-', '_')].filter(
      (part) => part !== undefined,
    );
    return parts.map((_, at) => `${parts.slice(0, at + 1).join('-')}.slice`);
  },
  uidOf: (folder) => /-pod([0-9a-f_]{32,36})\.slice$/.exec(folder)?.[1]?.replaceAll('_', '-'),
};

async function startSlice(slice: string): Promise<void> {
  await run('systemctl', ['start', slice]);
}

async function stopSlice(slice: string): Promise<void> {
  await run('systemctl', ['stop', slice]);
}

interface Tree {
  has(path: string): Promise<boolean>;
  make(path: string): Promise<void>;
  limit(path: string, resources: LinuxResources): Promise<void>;
  remove(path: string): Promise<void>;
  children(path: string): Promise<readonly string[]>;
}

/** cgroup v1: a tree for each controller. */
function splitTree(): Tree {
  const tops = async (): Promise<string[]> => {
    const all = await readdir(root, { withFileTypes: true });
    return all.filter((one) => one.isDirectory()).map(({ name }) => join(root, name));
  };
  const makeBelow = async (top: string, path: string): Promise<void> => {
    if (!(await exists(join(top, 'cgroup.procs')))) return;
    await mkdir(join(top, path), { recursive: true });
    if (top.endsWith('/cpuset')) await inheritSets(top, path);
  };
  return {
    has: (path) => exists(join(root, 'cpu', path)),
    async make(path) {
      await Promise.all((await tops()).map((top) => makeBelow(top, path)));
    },
    async limit(path, { cpuShares, cpuPeriod, cpuQuota, memoryLimitInBytes }) {
      await writeFile(join(root, 'cpu', path, 'cpu.shares'), String(cpuShares));
      await writeFile(join(root, 'cpu', path, 'cpu.cfs_period_us'), String(cpuPeriod));
      await writeFile(join(root, 'cpu', path, 'cpu.cfs_quota_us'), String(cpuQuota || -1));
      if (memoryLimitInBytes > 0)
        await writeFile(
          join(root, 'memory', path, 'memory.limit_in_bytes'),
          String(memoryLimitInBytes),
        );
    },
    async remove(path) {
      for (const top of await tops()) await removeTree(join(top, path));
    },
    children: (path) => readdir(join(root, 'cpu', path)).catch(() => []), // the class has not been made yet
  };
}

/** A cpuset must not be empty when a process enters it. */
async function inheritSets(top: string, path: string): Promise<void> {
  let parent = top;
  for (const part of path.split('/')) {
    const folder = join(parent, part);
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const own = (await readFile(join(folder, file), 'utf8')).trim();
      if (!own) await writeFile(join(folder, file), await readFile(join(parent, file), 'utf8'));
    }
    parent = folder;
  }
}

/** cgroup v2: one tree, in which every level says what the next one may limit. */
function unifiedTree(): Tree {
  return {
    has: (path) => exists(join(root, path)),
    async make(path) {
      let folder = root;
      const wanted = ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'];
      for (const part of path.split('/')) {
        const there = new Set(
          (await readFile(join(folder, 'cgroup.controllers'), 'utf8')).trim().split(' '),
        );
        const enabled = wanted.filter((one) => there.has(one)).map((one) => `+${one}`);
        await writeFile(join(folder, 'cgroup.subtree_control'), enabled.join(' '));
        folder = join(folder, part);
        await mkdir(folder, { recursive: true });
      }
    },
    async limit(path, { cpuShares, cpuPeriod, cpuQuota, memoryLimitInBytes }) {
      const folder = join(root, path);
      const quota = cpuQuota > 0 ? String(cpuQuota) : 'max';
      await writeFile(join(folder, 'cpu.weight'), String(weightOf(cpuShares)));
      await writeFile(join(folder, 'cpu.max'), `${quota} ${cpuPeriod}`);
      const memory = memoryLimitInBytes > 0 ? String(memoryLimitInBytes) : 'max';
      await writeFile(join(folder, 'memory.max'), memory);
    },
    remove: (path) => removeTree(join(root, path)),
    children: (path) => readdir(join(root, path)).catch(() => []), // the class has not been made yet
  };
}

/** From 2…262144 to 1…10000, as runc and systemd translate. */
export function weightOf(shares: number): number {
  return 1 + Math.trunc(((shares - 2) * 9999) / 262_142);
}

async function removeTree(folder: string): Promise<void> {
  if (!(await exists(folder))) return;
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  await rmdir(folder);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
