import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { buildFile } from '../journal/build.ts';
import { loadFile } from '../journal/file.ts';
import { byKey } from '../select.ts';
import { StoreError, type KeyValue } from '../store.ts';
import { gather, type VerifyReply, type VerifyRequest } from './contents.ts';
import { hashKeyValues } from './hash.ts';
import type { SnapshotStatus } from './read.ts';

/** The thread in which a snapshot is restored and compared, so that nothing else waits for it. */
parentPort!.postMessage(await answer(workerData as VerifyRequest), []);

async function answer({ snapshot, scratchFolder }: VerifyRequest): Promise<VerifyReply> {
  const scratch = await mkdtemp(join(scratchFolder, '.verify-'));
  try {
    return { status: await restoreAndCompare(snapshot, join(scratch, 'state.db')) };
  } catch (error) {
    if (error instanceof StoreError) return { code: error.code, message: error.message };
    const why = Error.isError(error) ? error.message : String(error);
    return { code: 'unavailable', message: `Cannot verify the snapshot ${snapshot}: ${why}` };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function restoreAndCompare(snapshot: string, store: string): Promise<SnapshotStatus> {
  const { state, status } = await gather(snapshot, 0);
  await buildFile(store, state);
  const restored = loadFile(store);
  const [expected, found] = await Promise.all([digest(state.live), digest(restored.live)]);
  if (
    expected === found &&
    restored.live.length === status.liveKeys &&
    restored.leases.length === status.leases
  ) {
    return status;
  }
  throw new StoreError('corrupt', `The snapshot ${snapshot} does not restore to what it holds`);
}

function digest(kvs: readonly KeyValue[]): Promise<number> {
  return hashKeyValues(kvs.toSorted(byKey));
}
