import type { LoadedState } from '../journal/file.ts';
import type { LeaseChange } from '../journal/journal.ts';
import type { KeyValue, StoreErrorCode } from '../store.ts';
import { readSnapshot, type SnapshotStatus } from './read.ts';

/** What is asked of the thread that verifies snapshots. */
export interface VerifyRequest {
  readonly snapshot: string;
  readonly scratchFolder: string;
  /** Another snapshot, to count what has changed since. */
  readonly previous?: string | undefined;
  /** Keys that begin like this do not count as changes. */
  readonly ignored?: readonly string[];
}

export interface Verification {
  readonly status: SnapshotStatus;
  /** Keys that are not as in the previous snapshot; absent without one. */
  readonly changed?: number;
}

export type VerifyReply =
  | Verification
  | { readonly code: StoreErrorCode; readonly message: string };

export interface SnapshotState {
  readonly status: SnapshotStatus;
  /** As a store that restores it begins. */
  readonly state: LoadedState;
}

/** Reads a snapshot into memory. Of the past nothing is kept: it counts as compacted. */
export async function gather(snapshot: string, bumpRevision: number): Promise<SnapshotState> {
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
