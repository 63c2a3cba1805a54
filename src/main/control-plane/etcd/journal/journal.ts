import type { HistoryRecord } from './records.ts';
import type { StoreEvent } from '../store.ts';

/** What one commit makes durable: all of it or nothing. */
export interface JournalBatch {
  /** In the order of their revisions. */
  readonly events: readonly StoreEvent[];
  readonly leases: readonly LeaseChange[];
  /** Set when the past before this revision was given up. */
  readonly compactRevision?: number;
}

/** `ttlSeconds` absent: the lease is gone. */
export interface LeaseChange {
  readonly id: bigint;
  readonly ttlSeconds?: number;
  readonly remainingSeconds?: number;
}

export interface HistoryQuery {
  readonly key: string;
  /** Exclusive; `undefined` means no end. */
  readonly to: string | undefined;
  readonly fromRevision: number;
  readonly toRevision: number;
  readonly prevKv?: boolean;
}

export interface HistoryPage {
  readonly changes: readonly HistoryChange[];
  /** Every change up to and including this revision has been looked at. */
  readonly throughRevision: number;
}

export interface HistoryChange extends HistoryRecord {
  readonly deleted: boolean;
  readonly prevKv?: HistoryRecord['kv'];
}

/** Where the store's changes become durable. */
export interface Journal extends AsyncDisposable {
  /**
   * Makes the batch durable and then calls `done` once, in a turn of its own; with a `StoreError`
   * if nothing of it was kept. One batch at a time.
   */
  commit(batch: JournalBatch, done: (error?: Error) => void): void;
  /** Changes of the range between two revisions, both inclusive, a page at a time. */
  history(query: HistoryQuery): Promise<HistoryPage>;
  /**
   * For each key of the range that was changed between the two revisions: how it was before, or
   * `undefined` if it was not there.
   */
  before(query: HistoryQuery): Promise<ReadonlyMap<string, HistoryRecord['kv'] | undefined>>;
  /** Resolves once there is no more to remove of what the last compaction gave up. */
  compacted(): Promise<void>;
  /** Tries to write a little and take it back; throws a `StoreError` if that fails. */
  probe(): Promise<void>;
  /** Gives room that is no longer used back to the file system. */
  defragment(): Promise<void>;
  size(): Promise<{ readonly totalBytes: number; readonly usedBytes: number }>;
}
