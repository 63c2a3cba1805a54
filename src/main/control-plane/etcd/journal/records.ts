import { crc32 } from 'node:zlib';
import type { KeyValue, StoreEvent } from '../store.ts';

/**
 * How one change is kept on disk, in SQLite's history table: its row id is the revision and its
 * place within that revision, its record is
 *
 *     crc32 u32 | flags u8 | key length u32 | create f64 | version f64 | previous f64 | lease i64
 *     | key | value
 *
 * little-endian; the checksum covers what follows it. `previous` is the revision of the version
 * that this change replaced, 0 if there was none: it leads from a change back to the past.
 *
 * Changes that are committed together share a row, `crc32 u32 | flags u8` and then, for each,
 * `revision f64 | place u32 | length u32 | record`; the row's checksum is the only one.
 */
export interface HistoryRecord {
  readonly kv: KeyValue;
  readonly previousRevision: number;
}

const tombstone = 1;
const group = 2;
const flagsAt = 4;
const keyLengthAt = 5;
const createAt = 9;
const versionAt = 17;
const previousAt = 25;
const leaseAt = 33;
const keyAt = 41;
export const groupHeadBytes = 5;

/** `(revision << placeBits) | place` is a row id; it bounds how many keys one revision can change. */
export const placeBits = 22;
export const maxPlaces = 2 ** placeBits;

export function recordLength({ kv }: StoreEvent): number {
  return keyAt + kv.key.length + kv.value.byteLength;
}

/** Writes the record at `offset`, without its checksum, and returns where it ends. */
export function writeRecord(target: Buffer, offset: number, event: StoreEvent): number {
  const { kv, prevKv } = event;
  target[offset + flagsAt] = event.type === 'delete' ? tombstone : 0;
  target.writeUInt32LE(kv.key.length, offset + keyLengthAt);
  target.writeDoubleLE(kv.createRevision, offset + createAt);
  target.writeDoubleLE(kv.version, offset + versionAt);
  target.writeDoubleLE(prevKv ? prevKv.modRevision : 0, offset + previousAt);
  if (kv.lease === 0n) target.fill(0, offset + leaseAt, offset + keyAt);
  else target.writeBigInt64LE(kv.lease, offset + leaseAt);
  target.write(kv.key, offset + keyAt, 'latin1');
  const valueAt = offset + keyAt + kv.key.length;
  target.set(kv.value, valueAt);
  return valueAt + kv.value.byteLength;
}

export function sealedRecord(event: StoreEvent): Buffer {
  const record = Buffer.allocUnsafeSlow(recordLength(event));
  writeRecord(record, 0, event);
  sealRecord(record);
  return record;
}

/** Begins a group at `offset`, without its checksum, and returns where its first entry goes. */
export function writeGroupHead(target: Buffer, offset: number): number {
  target[offset + flagsAt] = group;
  return offset + groupHeadBytes;
}

export function isGroup(bytes: Buffer): boolean {
  return (bytes[flagsAt]! & group) !== 0;
}

/** Fills in the checksum of a record or a group. */
export function sealRecord(record: Buffer): void {
  record.writeUInt32LE(crc32(record.subarray(flagsAt)), 0);
}

/** Whether a record or a group is as it was sealed. */
export function isSound(record: Buffer): boolean {
  return (
    record.length >= groupHeadBytes && record.readUInt32LE(0) === crc32(record.subarray(flagsAt))
  );
}

/** The value is a part of `record`, not a copy of it. */
export function readRecord(record: Buffer, modRevision: number): HistoryRecord {
  const valueAt = keyAt + record.readUInt32LE(keyLengthAt);
  const lease = record.readBigInt64LE(leaseAt);
  return {
    previousRevision: record.readDoubleLE(previousAt),
    kv: {
      key: record.toString('latin1', keyAt, valueAt),
      value: record.subarray(valueAt),
      createRevision: record.readDoubleLE(createAt),
      modRevision,
      version: record.readDoubleLE(versionAt),
      lease: lease === 0n ? 0n : lease,
    },
  };
}

export function isTombstone(record: Buffer): boolean {
  return (record[flagsAt]! & tombstone) !== 0;
}

export function recordKey(record: Buffer): string {
  return record.toString('latin1', keyAt, keyAt + record.readUInt32LE(keyLengthAt));
}

export function recordPrevious(record: Buffer): number {
  return record.readDoubleLE(previousAt);
}

/** A `Buffer` over the same bytes. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
