import { existsSync, renameSync } from 'node:fs';
import { mkdtemp, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildFile } from '../journal/build.ts';
import { loadFile, lockFile } from '../journal/file.ts';
import type { LeaseChange } from '../journal/journal.ts';
import { byKey } from '../select.ts';
import { StoreError, type KeyValue } from '../store.ts';
import { hashKeyValues } from './hash.ts';
import { readSnapshot, type SnapshotStatus } from './read.ts';

/** Far more than any store writes between a snapshot and its restoration. */
const defaultBump = 1_000_000_000;

export interface RestoreOptions {
  readonly snapshot: string;
  /** The store's file. What is there is moved aside, to `<store>.before-restore`. */
  readonly store: string;
  /**
   * How far revisions move on, so that none that a client has seen means something else now. Whoever
   * watches from an earlier one is told that it has been compacted.
   */
  readonly bumpRevision?: number;
}

export interface RestoreReport extends SnapshotStatus {
  /** The restored store's. */
  readonly newRevision: number;
}

/**
 * Puts a snapshot in the place of a store that nobody has open. It can be broken off anywhere: until
 * the new file is complete the old one is in place, and from then on opening the store finishes the
 * exchange. Throws `corrupt` if the snapshot is damaged, `unavailable` if the store is in use.
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<RestoreReport> {
  const { snapshot, store, bumpRevision = defaultBump } = options;
  using _lock = lockFile(store);
  finishRestore(store);
  const files = filesOf(store);
  await removeDatabase(files.building);
  const { state, status } = await gather(snapshot, bumpRevision);
  await buildFile(files.building, state);
  await removeDatabase(files.aside);
  await rename(files.building, files.ready);
  await syncFolder(store);
  finishRestore(store);
  await syncFolder(store);
  return { ...status, newRevision: state.revision };
}

/**
 * Finishes an exchange that was broken off, if there is one. The file that is ready to take the
 * store's place is the journal: as long as it is there, everything in its way is the old store.
 */
export function finishRestore(store: string): void {
  const { ready, aside } = filesOf(store);
  if (!existsSync(ready)) return;
  for (const suffix of ['-wal', '']) {
    if (existsSync(store + suffix)) renameSync(store + suffix, aside + suffix);
  }
  renameSync(ready, store);
}

/** Restores a snapshot into a scratch store and compares the two. Throws `corrupt`. */
export async function verifySnapshot(
  snapshot: string,
  scratchFolder: string = dirname(snapshot),
): Promise<SnapshotStatus> {
  const scratch = await mkdtemp(join(scratchFolder, '.verify-'));
  try {
    const store = join(scratch, 'state.db');
    const { state, status } = await gather(snapshot, 0);
    await buildFile(store, state);
    const restored = loadFile(store);
    const [expected, found] = await Promise.all([digest(state.live), digest(restored.live)]);
    if (
      expected !== found ||
      restored.live.length !== status.liveKeys ||
      restored.leases.length !== status.leases
    ) {
      const message = `The snapshot ${snapshot} does not restore to what it holds`;
      throw new StoreError('corrupt', message);
    }
    return status;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function digest(kvs: readonly KeyValue[]): Promise<number> {
  return hashKeyValues(kvs.toSorted(byKey));
}

interface Gathered {
  readonly status: SnapshotStatus;
  readonly state: {
    readonly revision: number;
    readonly compactRevision: number;
    readonly live: readonly KeyValue[];
    readonly leases: readonly LeaseChange[];
  };
}

async function gather(snapshot: string, bumpRevision: number): Promise<Gathered> {
  const live = new Map<string, KeyValue>();
  const leases: LeaseChange[] = [];
  const status = await readSnapshot(snapshot, {
    put: (kv) => live.set(kv.key, kv),
    delete: (key) => live.delete(key),
    lease: (lease) => leases.push(lease),
  });
  const revision = Math.max(1, status.newestRevision) + bumpRevision;
  return {
    status,
    state: { revision, compactRevision: revision, live: [...live.values()], leases },
  };
}

function filesOf(store: string): { building: string; ready: string; aside: string } {
  return {
    building: `${store}.restoring`,
    ready: `${store}.restored`,
    aside: `${store}.before-restore`,
  };
}

async function removeDatabase(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(path + suffix, { force: true });
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}
