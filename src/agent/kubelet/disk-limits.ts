import { readdir, lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodVolumes } from '#agent/volumes/index.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { quantityValue } from '#shared/kube/quantity.ts';
import type { Verdict } from './status/pod-status.ts';

/** Why a pod that uses more disk than it may has to go; `undefined` if it keeps its limits. */
export async function diskVerdict(
  pod: Pod,
  volumes: PodVolumes,
  usageOfContainers: () => Promise<ReadonlyMap<string, number>>,
): Promise<Verdict | undefined> {
  let inVolumes = 0;
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    if (!emptyDir || emptyDir.medium === 'Memory') continue;
    const place = volumes.place(pod.metadata.uid, name);
    if (!place || !needsUsage(pod, emptyDir.sizeLimit)) continue;
    const { bytes: used } = await folderUsage(place.path);
    inVolumes += used;
    if (emptyDir.sizeLimit !== undefined && used > quantityValue(emptyDir.sizeLimit))
      return evicted(
        `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir.sizeLimit}". `,
      );
  }
  return await containerVerdict(pod, inVolumes, usageOfContainers);
}

const storage = 'ephemeral-storage';

function needsUsage({ spec }: Pod, sizeLimit: string | undefined): boolean {
  return (
    sizeLimit !== undefined || spec.containers.some(({ resources }) => resources.limits?.[storage])
  );
}

async function containerVerdict(
  { spec }: Pod,
  inVolumes: number,
  usageOfContainers: () => Promise<ReadonlyMap<string, number>>,
): Promise<Verdict | undefined> {
  const limited = spec.containers.filter(
    ({ resources }) => resources.limits?.[storage] !== undefined,
  );
  if (limited.length === 0) return undefined;
  const usage = await usageOfContainers();
  for (const { name, resources } of limited) {
    const limit = resources.limits?.[storage] ?? '0';
    if ((usage.get(name) ?? 0) > quantityValue(limit))
      return evicted(`Container ${name} exceeded its local ephemeral storage limit "${limit}". `);
  }
  if (limited.length < spec.containers.length) return undefined;
  const total = limited.reduce(
    (sum, { resources }) => sum + quantityValue(resources.limits?.[storage] ?? '0'),
    0,
  );
  const used = [...usage.values()].reduce((sum, one) => sum + one, inVolumes);
  if (used <= total) return undefined;
  return evicted(
    `Pod ephemeral local storage usage exceeds the total limit of containers ${total}. `,
  );
}

function evicted(message: string): Verdict {
  return { reason: 'Evicted', message };
}

interface FolderUsage {
  readonly bytes: number;
  readonly inodes: number;
}

/** What the pod has put into its emptyDir volumes on disk. */
export async function emptyDirUsage(
  { metadata, spec }: Pod,
  volumes: PodVolumes,
): Promise<FolderUsage> {
  const total = { bytes: 0, inodes: 0 };
  for (const { name, emptyDir } of spec.volumes ?? []) {
    const place = emptyDir && emptyDir.medium !== 'Memory' && volumes.place(metadata.uid, name);
    if (!place) continue;
    const { bytes, inodes } = await folderUsage(place.path);
    total.bytes += bytes;
    total.inodes += inodes;
  }
  return total;
}

/** What `du` counts: blocks, not lengths. */
async function folderUsage(folder: string): Promise<FolderUsage> {
  const total = { bytes: 0, inodes: 0 };
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    // it ends meanwhile
    const path = join(folder, entry.name);
    const status = await lstat(path).catch(() => undefined); // a file that has just been deleted
    total.bytes += (status?.blocks ?? 0) * 512;
    total.inodes += Number(status !== undefined);
    if (!entry.isDirectory()) continue;
    const inside = await folderUsage(path);
    total.bytes += inside.bytes;
    total.inodes += inside.inodes;
  }
  return total;
}
