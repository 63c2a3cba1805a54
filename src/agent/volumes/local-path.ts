import { access, chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { AgentParts } from '#agent/settings.ts';
import {
  isLocalPath,
  isToBeRemoved,
  removedVolumesAnnotation,
  volumeNodeAnnotation,
  volumesFolder,
} from '#shared/api/core/local-path-volume.ts';
import { nodes, persistentVolumes } from '#agent/api/resources.ts';
import type { PersistentVolume } from '#shared/api/types/core-v1.ts';
import { exponential, KeyedLoop } from '#shared/base/keyed-loop.ts';
import { Informer } from '#shared/client/informer.ts';
import { patchTypes } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** Pods of any user write into it, as in the well-known provisioner of this name. */
const openToAll = 0o777;
const removing = '.removing-';
/** A file per folder that was made: one that is missing later has been lost, and is not made anew. */
const madeFolder = '.made';
/** The key of what is told to the API, beside the volumes' names. */
const reportKey = '#report';

/**
 * The node's part in local-path volumes: makes their folders, and removes those of volumes that are
 * to be removed. It only removes what the API, asked there and then, wants removed; what no volume is
 * known of stays, for it may belong to a cluster that was restored from an older day.
 */
export async function startLocalPath(parts: AgentParts): Promise<AsyncDisposable> {
  const { settings, cluster, clock, log } = parts;
  await using started = new AsyncDisposableStack();
  const folders = await openFolders(join(settings.folders.state, volumesFolder));
  const removed = new Set<string>();
  const informer = started.use(new Informer({ cluster, resource: persistentVolumes, clock, log }));
  const isHere = (volume: PersistentVolume): boolean =>
    isLocalPath(volume) &&
    volume.metadata.annotations?.[volumeNodeAnnotation] === settings.nodeName;

  const look = async (name: string): Promise<void> => {
    const volume = informer.get(name);
    if (!volume || !isHere(volume)) return forget(name);
    if (!isToBeRemoved(volume)) {
      if (!volume.metadata.deletionTimestamp) await folders.make(volume);
      return;
    }
    if (removed.has(name)) return;
    const live = await cluster.get(persistentVolumes, { name });
    if (live.metadata.uid !== volume.metadata.uid || !isToBeRemoved(live)) return;
    await folders.remove(live);
    log.info('Volume removed', { volume: name });
    removed.add(name);
    loop.add(reportKey);
  };
  const forget = (name: string): void => {
    if (removed.delete(name)) loop.add(reportKey);
  };
  const report = async (): Promise<void> => {
    const value = removed.size > 0 ? [...removed].toSorted().join(',') : null;
    const body = { metadata: { annotations: { [removedVolumesAnnotation]: value } } };
    await cluster.patch(nodes, { name: settings.nodeName }, { type: patchTypes.merge, body });
  };
  const loop = started.use(
    new KeyedLoop<string>({
      clock,
      concurrency: 1,
      backoffMs: exponential(500, 60_000),
      run: (key) => (key === reportKey ? report() : look(key)),
      onError(key, error) {
        // Removed meanwhile, or the API is away: both are seen again in time.
        if (ApiError.is(error, 'NotFound', 'ServiceUnavailable')) return;
        log.error('Cannot make or remove a volume; trying again', { volume: key, error });
      },
    }),
  );
  informer.subscribe(({ before, after }) => loop.add((after ?? before)!.metadata.name));
  return started.move();
}

interface Folders {
  make(volume: PersistentVolume): Promise<void>;
  remove(volume: PersistentVolume): Promise<void>;
}

/** What was being removed when the agent ended is removed first. */
async function openFolders(folder: string): Promise<Folders> {
  await mkdir(join(folder, madeFolder), { recursive: true, mode: 0o711 });
  for (const entry of await readdir(folder))
    if (entry.startsWith(removing)) await rm(join(folder, entry), { recursive: true, force: true });
  return {
    async make(volume) {
      const path = pathOf(volume, folder);
      const mark = join(folder, madeFolder, basename(path));
      if (await exists(mark)) {
        if (await exists(path)) return;
        throw new Error(
          `The folder ${path} of volume ${volume.metadata.name} is gone, and what it held with it; delete its claim to get a new one`,
        );
      }
      await mkdir(path, { recursive: true });
      await chmod(path, openToAll);
      await writeFile(mark, '');
    },
    async remove(volume) {
      const path = pathOf(volume, folder);
      const doomed = join(folder, `${removing}${basename(path)}`);
      if (await exists(path)) await rename(path, doomed);
      await rm(doomed, { recursive: true, force: true });
      await rm(join(folder, madeFolder, basename(path)), { force: true });
    },
  };
}

/** Only ever a folder directly below ours: a volume that says otherwise is not touched. */
function pathOf({ metadata, spec }: PersistentVolume, folder: string): string {
  const { path = '' } = spec.local ?? {};
  const name = basename(path);
  const isOurs = dirname(path) === folder && name !== '' && !name.startsWith('.');
  if (isOurs && path === join(folder, name)) return path;
  throw new Error(`Volume ${metadata.name} is at ${path}, which is not below ${folder}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
