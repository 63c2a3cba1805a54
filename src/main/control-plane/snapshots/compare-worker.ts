import { parentPort, workerData } from 'node:worker_threads';
import { gather } from '#main/control-plane/etcd/snapshot/contents.ts';
import type { CompareReply, CompareRequest } from './compare.ts';
import { differencesBetween, objectIn, type StoredState } from './differences.ts';

/** The thread in which two snapshots are read and compared, so that nothing else waits for it. */
parentPort!.postMessage(await answer(workerData as CompareRequest), []);

async function answer({ past, now, keys }: CompareRequest): Promise<CompareReply> {
  try {
    const [before, after] = await Promise.all([stateIn(past), stateIn(now)]);
    if (!keys) return { differences: differencesBetween(before, after) };
    return {
      objects: keys.map((key) => ({
        key,
        past: objectIn(before.values.get(key)),
        now: objectIn(after.values.get(key)),
      })),
    };
  } catch (error) {
    return { problem: Error.isError(error) ? error.message : String(error) };
  }
}

async function stateIn(file: string): Promise<StoredState> {
  const { status, state } = await gather(file, 0);
  const values = new Map(state.live.map(({ key, value }) => [key, value]));
  return { revision: status.newestRevision, values };
}
