import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Store } from '../store.ts';
import type { SnapshotStatus } from './read.ts';

/** Why a snapshot was taken; each kind is kept for as long as its own rule says. */
export type SnapshotKind = 'scheduled' | 'manual' | 'precaution';

export interface SnapshotEntry {
  readonly path: string;
  readonly kind: SnapshotKind;
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  readonly revision: number;
  readonly bytes: number;
}

export interface SnapshotCatalogOptions {
  readonly folder: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** How many of each kind stay; the oldest go first. */
  readonly keep?: Partial<Record<SnapshotKind, number>>;
  /** Looks at a file that has just been written; what it throws, saving throws. */
  readonly verify?: (path: string) => Promise<SnapshotStatus>;
}

const defaultKeep: Record<SnapshotKind, number> = {
  scheduled: 48,
  manual: Infinity,
  precaution: 20,
};
const defaultIntervalMs = 30 * 60_000;
const privateMode = 0o600;

/** A folder of snapshots: taking, listing and dropping them. */
export class SnapshotCatalog {
  readonly #options: SnapshotCatalogOptions;
  readonly #keep: Record<SnapshotKind, number>;

  constructor(options: SnapshotCatalogOptions) {
    this.#options = options;
    this.#keep = { ...defaultKeep, ...options.keep };
  }

  /** Takes a snapshot, verifies it, and drops those of its kind that are too many. */
  async save(kind: SnapshotKind): Promise<SnapshotEntry> {
    const { folder, store, clock, verify } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const takenAt = clock.now();
    const { revision } = store;
    const path = join(folder, nameOf({ kind, takenAt, revision }));
    const bytes = await saveSnapshot(store, path);
    try {
      await verify?.(path);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    await this.#prune(kind);
    this.#options.log.info('Snapshot saved', { path, kind, revision, bytes });
    return { path, kind, takenAt, revision, bytes };
  }

  list(): Promise<SnapshotEntry[]> {
    return snapshotsIn(this.#options.folder);
  }

  /** Saves one every so often, if anything has changed since the last. Disposing stops it. */
  schedule(intervalMs: number = defaultIntervalMs): AsyncDisposable {
    const { clock, store, log } = this.#options;
    let lastRevision: number | undefined;
    let running = Promise.resolve();
    let timer: Disposable | undefined;
    const run = async (): Promise<void> => {
      try {
        lastRevision ??= (await this.list())[0]?.revision;
        if (store.revision !== lastRevision) lastRevision = (await this.save('scheduled')).revision;
      } catch (error) {
        // The next one may do better.
        log.error('A scheduled snapshot failed', { error });
      }
    };
    const wait = (): void => {
      timer = clock.after(intervalMs, () => {
        wait();
        running = running.then(run);
      });
    };
    wait();
    return {
      async [Symbol.asyncDispose]() {
        timer?.[Symbol.dispose]();
        await running;
      },
    };
  }

  async #prune(kind: SnapshotKind): Promise<void> {
    const own = (await this.list()).filter((entry) => entry.kind === kind);
    for (const { path } of own.slice(this.#keep[kind])) await rm(path, { force: true });
  }
}

/** The newest first. Files of other names are left alone. */
export async function snapshotsIn(folder: string): Promise<SnapshotEntry[]> {
  const entries: SnapshotEntry[] = [];
  for (const name of await namesIn(folder)) {
    const parsed = parseName(name);
    if (!parsed) continue;
    const path = join(folder, name);
    const bytes = await sizeOf(path);
    if (bytes !== undefined) entries.push({ ...parsed, path, bytes });
  }
  return entries.sort((a, b) => b.takenAt - a.takenAt || b.revision - a.revision);
}

/** Absent when retention has removed the file meanwhile. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** To the named file, which then belongs to whoever asked, or else into the catalog. */
export async function takeSnapshot(
  catalog: SnapshotCatalog,
  { store, file }: { readonly store: Store; readonly file: string | undefined },
): Promise<Pick<SnapshotEntry, 'path' | 'revision' | 'bytes'>> {
  if (file === undefined) return catalog.save('manual');
  const { revision } = store;
  return { path: file, revision, bytes: await saveSnapshot(store, file) };
}

/** Writes a snapshot of the store to a file: whole and on disk, or not at all. Returns its size. */
export async function saveSnapshot(store: Store, path: string): Promise<number> {
  const part = `${path}.part`;
  let bytes = 0;
  try {
    await using file = await open(part, 'w', privateMode);
    for await (const chunk of store.snapshot()) {
      await file.writeFile(chunk);
      bytes += chunk.length;
    }
    await file.sync();
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await rename(part, path);
  return bytes;
}

type Named = Pick<SnapshotEntry, 'kind' | 'takenAt' | 'revision'>;

function nameOf({ kind, takenAt, revision }: Named): string {
  const stamp = new Date(takenAt).toISOString().replaceAll(':', '-');
  return `${kind}_${stamp}_r${revision}.db`;
}

function parseName(name: string): Named | undefined {
  const parts = /^(scheduled|manual|precaution)_(.+)T(\d\d)-(\d\d)-(.+)_r(\d+)\.db$/.exec(name);
  if (!parts) return undefined;
  const [, kind, day, hour, minute, second, revision] = parts;
  const takenAt = Date.parse(`${day}T${hour}:${minute}:${second}`);
  return { kind: kind as SnapshotKind, takenAt, revision: Number(revision) };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return [];
    throw error;
  }
}
