import type { StatementSync } from 'node:sqlite';
import { entryHeaderBytes } from './messages.ts';
import {
  asBuffer,
  isGroup,
  groupHeadBytes,
  maxPlaces,
  placeBits,
  recordKey,
  writeGroupHead,
} from './records.ts';

/**
 * A row of the history table holds one change, or several of one commit after each other: whole
 * revisions, in their order. Its id is that of its first change.
 */
export interface Row {
  readonly main: number;
  readonly place: number;
  readonly bytes: Buffer;
}

export type Change = readonly [main: number, place: number, record: Buffer];

/** Rows that may hold changes from one revision up to, not including, another. */
export const selectRows = `SELECT id >> ${placeBits}, id & ${maxPlaces - 1}, record FROM history
  WHERE id >= ifnull((SELECT max(id) FROM history WHERE id <= (?1 << ${placeBits})), 0)
  AND id < (?2 << ${placeBits}) ORDER BY id`;

export function* rows(select: StatementSync, from: number, to: number): Iterable<Row> {
  for (const row of select.iterate(from, to) as Iterable<unknown>) {
    const [main, place, bytes] = row as [number, number, Uint8Array];
    yield { main, place, bytes: asBuffer(bytes) };
  }
}

/** What one row holds; the records are parts of it. */
export function* changesIn({ main, place, bytes }: Row): Iterable<Change> {
  if (!isGroup(bytes)) {
    yield [main, place, bytes];
    return;
  }
  for (let at = groupHeadBytes; at < bytes.length;) {
    const end = at + entryHeaderBytes + bytes.readUInt32LE(at + 12);
    const record = bytes.subarray(at + entryHeaderBytes, end);
    yield [bytes.readDoubleLE(at), bytes.readUInt32LE(at + 8), record];
    at = end;
  }
}

/** Every change from one revision up to, not including, another. */
export function* changes(select: StatementSync, from: number, to: number): Iterable<Change> {
  for (const row of rows(select, from, to)) {
    for (const change of changesIn(row)) if (change[0] >= from && change[0] < to) yield change;
  }
}

/** The change of one key at one revision. */
export function findVersion(select: StatementSync, key: string, main: number): Change | undefined {
  if (main === 0) return undefined;
  for (const change of changes(select, main, main + 1)) {
    if (recordKey(change[2]) === key) return change;
  }
  return undefined;
}

/** A group's bytes, not sealed yet. */
export function groupOf(kept: readonly Change[]): Buffer {
  const length = kept.reduce((sum, [, , record]) => sum + entryHeaderBytes + record.length, 0);
  const bytes = Buffer.allocUnsafe(groupHeadBytes + length);
  let at = writeGroupHead(bytes, 0);
  for (const [main, place, record] of kept) {
    bytes.writeDoubleLE(main, at);
    bytes.writeUInt32LE(place, at + 8);
    bytes.writeUInt32LE(record.length, at + 12);
    at = at + entryHeaderBytes + record.copy(bytes, at + entryHeaderBytes);
  }
  return bytes;
}
