import { stat } from 'node:fs/promises';
import type { KubeletContext } from '../context.ts';
import { readFilesystem, readMachine } from '../server/stats/proc.ts';
import type { Observation, Observations, Signal } from './signals.ts';

export interface NodeObservations {
  readonly observations: Observations;
  /** Images and containers have a file system of their own. */
  readonly hasImageFs: boolean;
}

/** What is left of the node's memory, disks and process numbers. */
export async function observeNode({
  runtime,
  settings,
  facts,
}: KubeletContext): Promise<NodeObservations> {
  const { kubelet: folder } = settings.folders;
  const { imageFilesystems } = await runtime.imageFsInfo({});
  const images = imageFilesystems[0]?.fsId?.mountpoint ?? folder;
  const [machine, node, image, hasImageFs] = await Promise.all([
    readMachine(),
    readFilesystem(folder),
    readFilesystem(images),
    areApart(folder, images),
  ]);
  const seen = new Map<Signal, Observation>();
  seen.set('memory.available', {
    available: machine.memory.available,
    capacity: facts.memoryBytes,
  });
  for (const [name, disk] of [
    ['nodefs', node],
    ['imagefs', image],
  ] as const) {
    if (!disk) continue;
    seen.set(`${name}.available`, {
      available: disk.availableBytes,
      capacity: disk.capacityBytes,
    });
    // Some file systems have no fixed number of them.
    if (disk.inodes > 0)
      seen.set(`${name}.inodesFree`, { available: disk.inodesFree, capacity: disk.inodes });
  }
  const { mostProcesses, processes } = machine;
  seen.set('pid.available', { available: mostProcesses - processes, capacity: mostProcesses });
  return { observations: seen, hasImageFs };
}

async function areApart(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([stat(one), stat(other).catch(() => undefined)]); // no image has been pulled yet
  return second !== undefined && first.dev !== second.dev;
}
