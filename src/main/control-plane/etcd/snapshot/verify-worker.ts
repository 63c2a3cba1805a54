import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { buildFile } from '../journal/build.ts';
import { loadFile } from '../journal/file.ts';
import { byKey } from '../select.ts';
import { StoreError, type KeyValue } from '../store.ts';
import { gather, type VerifyReply, type VerifyRequest } from './contents.ts';
import { hashKeyValues } from './hash.ts';

/** The thread in which a snapshot is restored and compared, so that nothing else waits for it. */
parentPort!.postMessage(await answer(workerData as VerifyRequest), []);

async function answer(request: VerifyRequest): Promise<VerifyReply> {
  const { snapshot, scratchFolder } = request;
  const scratch = await mkdtemp(join(scratchFolder, '.verify-'));
  try {
    return await restoreAndCompare(request, join(scratch, 'state.db'));
  } catch (error) {
    if (error instanceof StoreError) return { code: error.code, message: error.message };
    const why = Error.isError(error) ? error.message : String(error);
    return { code: 'unavailable', message: `Cannot verify the snapshot ${snapshot}: ${why}` };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function restoreAndCompare(
  { snapshot, previous, ignored = [] }: VerifyRequest,
  store: string,
): Promise<VerifyReply> {
  const { state, status } = await gather(snapshot, 0);
  await buildFile(store, state);
  const restored = loadFile(store);
  const [expected, found] = await Promise.all([digest(state.live), digest(restored.live)]);
  const isEqual =
    expected === found &&
    restored.live.length === status.liveKeys &&
    restored.leases.length === status.leases;
  if (!isEqual)
    throw new StoreError('corrupt', `The snapshot ${snapshot} does not restore to what it holds`);
  if (previous === undefined) return { status };
  const before = (await gather(previous, 0)).state.live;
  return { status, changed: changesBetween(before, state.live, ignored) };
}

/** How many keys were written or deleted from one state to the other. */
function changesBetween(
  before: readonly KeyValue[],
  after: readonly KeyValue[],
  ignored: readonly string[],
): number {
  const counts = ({ key }: KeyValue): boolean => !ignored.some((prefix) => key.startsWith(prefix));
  const old = new Map(before.filter(counts).map(({ key, modRevision }) => [key, modRevision]));
  let changed = 0;
  for (const { key, modRevision } of after.filter(counts)) {
    if (old.get(key) !== modRevision) changed++;
    old.delete(key);
  }
  return changed + old.size;
}

function digest(kvs: readonly KeyValue[]): Promise<number> {
  return hashKeyValues(kvs.toSorted(byKey));
}
