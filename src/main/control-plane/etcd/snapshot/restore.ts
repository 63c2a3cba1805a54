import { existsSync, renameSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { buildFile } from '../journal/build.ts';
import { lockFile } from '../journal/file.ts';
import { StoreError } from '../store.ts';
import { gather, type Verification, type VerifyReply, type VerifyRequest } from './contents.ts';
import type { SnapshotStatus } from './read.ts';

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

/**
 * Restores a snapshot into a scratch store and compares the two, in a thread of its own. Throws
 * `corrupt` if the snapshot is damaged or does not restore to what it holds.
 */
export async function verifySnapshot(
  snapshot: string,
  scratchFolder: string = dirname(snapshot),
): Promise<SnapshotStatus> {
  return (await verifyAndCount({ snapshot, scratchFolder })).status;
}

/** The same, counting besides what has changed since a previous snapshot, where one is named. */
export async function verifyAndCount(request: VerifyRequest): Promise<Verification> {
  const workerData = request;
  const worker = new Worker(new URL('./verify-worker.ts', import.meta.url), { workerData });
  const { promise, resolve, reject } = Promise.withResolvers<VerifyReply>();
  worker.on('message', resolve);
  worker.on('error', reject);
  worker.on('exit', () => reject(new Error('The verification has ended without an answer')));
  const reply = await promise;
  if ('status' in reply) return reply;
  throw new StoreError(reply.code, reply.message);
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
