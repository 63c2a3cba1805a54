import type { HistoryQuery, LeaseChange } from './journal.ts';

/** What the store's thread asks of the journal's; each is answered once, in order, by `id`. */
export type JournalRequest =
  | { readonly type: 'commit'; readonly id: number; readonly batch: PackedBatch }
  | { readonly type: 'history'; readonly id: number; readonly query: HistoryQuery }
  | { readonly type: 'before'; readonly id: number; readonly query: HistoryQuery }
  | { readonly type: 'compacted' | 'probe' | 'defragment' | 'size' | 'close'; readonly id: number };

export interface JournalReply {
  readonly id: number;
  readonly error?: JournalFailure;
  /** The batch's buffer, to be filled again. */
  readonly buffer?: ArrayBuffer;
  readonly page?: PackedPage;
  readonly size?: { readonly totalBytes: number; readonly usedBytes: number };
}

/** `StoreError`s do not survive the way between threads. */
export interface JournalFailure {
  readonly code: string;
  readonly message: string;
}

/** Rows one after the other: first revision f64, its place u32, length u32, a record or a group. */
export interface PackedBatch {
  readonly buffer: ArrayBuffer;
  readonly length: number;
  /** How many rows there are. */
  readonly count: number;
  readonly leases: readonly LeaseChange[];
  readonly compactRevision?: number;
}

/** Records one after the other, like rows in a batch, `place` saying what an entry is. */
export interface PackedPage {
  readonly buffer: ArrayBuffer;
  readonly length: number;
  readonly throughRevision: number;
}

export const entryHeaderBytes = 16;

/** What a page's entries are; a `previous` belongs to the change before it. */
export const pageEntry = { put: 0, deletion: 1, previous: 2, absent: 3 } as const;
