import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { shell, tryShell } from './shell.ts';

const top = '/sys/fs/cgroup';

/** How this machine keeps its cgroups. */
export interface Hierarchies {
  /** Controllers of v1; none for v2. */
  readonly controllers: readonly string[];
  /** Folders below which a host gets its own. */
  readonly roots: readonly string[];
}

export async function hierarchies(): Promise<Hierarchies> {
  if (await stat(join(top, 'cgroup.controllers')).catch(() => undefined))
    return { controllers: [], roots: [top] };
  const roots: string[] = [];
  for (const name of await readdir(top)) {
    if ((await lstat(join(top, name))).isDirectory()) roots.push(join(top, name));
  }
  const wanted = ['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids'];
  const controllers = wanted.filter((name) => roots.includes(join(top, name)));
  return { controllers, roots };
}

export async function makeGroups(groups: readonly string[]): Promise<void> {
  await shell(`for group in ${groups.join(' ')}; do
  mkdir -p $group
  case $group in */cpuset/*)
    cat \${group%/*}/cpuset.cpus >$group/cpuset.cpus
    cat \${group%/*}/cpuset.mems >$group/cpuset.mems;;
  esac
done
[ ! -e ${top}/cgroup.controllers ] || echo +cpu +cpuset +io +memory +pids >${top}/cgroup.subtree_control`);
}

/** What ran in them has ended, but the kernel takes its time. */
export async function removeGroups(groups: readonly string[]): Promise<void> {
  await tryShell(`for group in ${groups.join(' ')}; do
  for try in $(seq 40); do
    [ -d $group ] || break
    find $group -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 0.05
  done
done`);
}
