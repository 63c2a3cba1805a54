import { Worker } from 'node:worker_threads';
import type { SnapshotDifferences } from '#shared/contract/snapshots.ts';

export interface CompareRequest {
  /** Files. */
  readonly past: string;
  readonly now: string;
  /** The objects that are wanted whole; without them the differences are. */
  readonly keys?: readonly string[];
}

export interface ObjectPair {
  readonly key: string;
  readonly past?: unknown;
  readonly now?: unknown;
}

export type CompareReply =
  | { readonly differences: SnapshotDifferences }
  | { readonly objects: readonly ObjectPair[] }
  | { readonly problem: string };

/** What is not as it was, found out in a thread of its own. */
export async function compareSnapshots(past: string, now: string): Promise<SnapshotDifferences> {
  const reply = await ask({ past, now });
  if ('differences' in reply) return reply.differences;
  throw new Error('The comparison has answered something else');
}

/** Single objects as they are in both. */
export async function objectsInBoth(
  files: { readonly past: string; readonly now: string },
  keys: readonly string[],
): Promise<readonly ObjectPair[]> {
  const reply = await ask({ ...files, keys });
  if ('objects' in reply) return reply.objects;
  throw new Error('The comparison has answered something else');
}

async function ask(
  workerData: CompareRequest,
): Promise<Exclude<CompareReply, { problem: string }>> {
  const worker = new Worker(new URL('./compare-worker.ts', import.meta.url), { workerData });
  const { promise, resolve, reject } = Promise.withResolvers<CompareReply>();
  worker.on('message', resolve);
  worker.on('error', reject);
  worker.on('exit', () => reject(new Error('The comparison has ended without an answer')));
  const reply = await promise;
  if ('problem' in reply) throw new Error(reply.problem);
  return reply;
}
