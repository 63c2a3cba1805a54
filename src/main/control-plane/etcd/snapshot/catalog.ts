import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { StoreError, type Store } from '../store.ts';
import type { Verification } from './contents.ts';
import {
  evidenceOf,
  evidencePath,
  readEvidence,
  writeEvidence,
  type SnapshotEvidence,
} from './evidence.ts';
import { readSnapshot } from './read.ts';

/** Why a snapshot is there; each kind is kept for as long as its own rule says. */
export type SnapshotKind = 'scheduled' | 'manual' | 'precaution' | 'imported';

export interface SnapshotEntry {
  readonly path: string;
  readonly kind: SnapshotKind;
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  readonly revision: number;
  readonly bytes: number;
}

export interface SnapshotPlan {
  /** 0: none are taken by themselves. */
  readonly intervalMs: number;
  /** How many of each kind stay, the oldest go first; all where nothing is said. */
  readonly keep: Partial<Record<SnapshotKind, number | undefined>>;
}

export interface SnapshotCatalogOptions {
  readonly folder: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly plan?: SnapshotPlan;
  /**
   * Looks at a file that has just been written, and at what has changed since the one before; what it
   * throws, saving throws.
   */
  readonly verify?: (path: string, previous: string | undefined) => Promise<Verification>;
}

export const defaultPlan: SnapshotPlan = {
  intervalMs: 30 * 60_000,
  keep: { scheduled: 48, precaution: 20 },
};
const privateMode = 0o600;

/** A folder of snapshots: taking, listing, proving and dropping them. */
export class SnapshotCatalog {
  readonly #options: SnapshotCatalogOptions;
  #plan: SnapshotPlan;
  #reschedule = (): void => {};

  constructor(options: SnapshotCatalogOptions) {
    this.#options = options;
    this.#plan = options.plan ?? defaultPlan;
  }

  get plan(): SnapshotPlan {
    return this.#plan;
  }

  /** Holds from now on: what is too many goes at once. */
  async setPlan(plan: SnapshotPlan): Promise<void> {
    this.#plan = plan;
    this.#reschedule();
    for (const kind of Object.keys(plan.keep)) await this.#prune(kind as SnapshotKind);
  }

  /** Takes a snapshot, verifies it, and drops those of its kind that are too many. */
  async save(kind: SnapshotKind): Promise<SnapshotEntry> {
    const { folder, store, clock } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const takenAt = clock.now();
    // In one turn: a write that comes later is in neither.
    const { revision } = store;
    const content = store.snapshot();
    const path = join(folder, nameOf({ kind, takenAt, revision }));
    const bytes = await writeWhole(content, path);
    await this.#admit(path);
    await this.#prune(kind);
    this.#options.log.info('Snapshot saved', { path, kind, revision, bytes });
    return { path, kind, takenAt, revision, bytes };
  }

  /** Takes a copy of a file from elsewhere into the folder, if it is a snapshot and whole. */
  async import(file: string): Promise<SnapshotEntry> {
    const { folder, clock, log } = this.#options;
    const { revision } = await readSnapshot(file);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const takenAt = clock.now();
    const path = join(folder, nameOf({ kind: 'imported', takenAt, revision }));
    await copyFile(file, path);
    await this.#admit(path);
    log.info('Snapshot imported', { path, revision });
    return { path, kind: 'imported', takenAt, revision, bytes: (await stat(path)).size };
  }

  list(): Promise<SnapshotEntry[]> {
    return snapshotsIn(this.#options.folder);
  }

  /** The snapshot with that file name. Throws `keyNotFound` when there is none. */
  async find(name: string): Promise<SnapshotEntry> {
    const found = (await this.list()).find(({ path }) => basename(path) === name);
    if (found) return found;
    throw new StoreError('keyNotFound', `There is no snapshot ${name} any more; look at the list`);
  }

  evidence({ path }: SnapshotEntry): Promise<SnapshotEvidence | undefined> {
    return readEvidence(path);
  }

  /** Restores it into a scratch store and compares. Throws `corrupt` when it is not whole. */
  async verify({ path }: SnapshotEntry): Promise<SnapshotEvidence | undefined> {
    const { verify, clock } = this.#options;
    if (!verify) return undefined;
    const all = await this.list();
    const previous = all[all.findIndex((entry) => entry.path === path) + 1];
    const { status, changed } = await verify(path, previous?.path);
    const evidence = evidenceOf(status, { verifiedAt: clock.now(), changed });
    await writeEvidence(path, evidence);
    return evidence;
  }

  async remove({ path }: SnapshotEntry): Promise<void> {
    await rm(path, { force: true });
    await rm(evidencePath(path), { force: true });
  }

  /** Saves one every so often, if anything has changed since the last. Disposing stops it. */
  schedule(): AsyncDisposable {
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
      timer?.[Symbol.dispose]();
      if (this.#plan.intervalMs === 0) return;
      timer = clock.after(this.#plan.intervalMs, () => {
        wait();
        running = running.then(run);
      });
    };
    this.#reschedule = wait;
    wait();
    return {
      [Symbol.asyncDispose]: async () => {
        this.#reschedule = () => {};
        timer?.[Symbol.dispose]();
        await running;
      },
    };
  }

  /** A file that does not stand up to verification does not stay. */
  async #admit(path: string): Promise<void> {
    try {
      const [entry] = (await this.list()).filter((each) => each.path === path);
      if (entry) await this.verify(entry);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async #prune(kind: SnapshotKind): Promise<void> {
    const keep = this.#plan.keep[kind];
    if (keep === undefined) return;
    const own = (await this.list()).filter((entry) => entry.kind === kind);
    for (const entry of own.slice(keep)) await this.remove(entry);
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

/** Writes a snapshot of the store to a file. Returns its size. */
export async function saveSnapshot(store: Store, path: string): Promise<number> {
  return await writeWhole(store.snapshot(), path);
}

/** The file is whole and on disk, or not there. Returns its size. */
async function writeWhole(content: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const part = `${path}.part`;
  let bytes = 0;
  try {
    await using file = await open(part, 'w', privateMode);
    for await (const chunk of content) {
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
  const parts = /^(scheduled|manual|precaution|imported)_(.+)T(\d\d)-(\d\d)-(.+)_r(\d+)\.db$/.exec(
    name,
  );
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
