import { createHash } from 'node:crypto';
import { int64, bigint64, message } from '#shared/base/protobuf.ts';
import { encode } from '../grpc/protobuf.ts';
import type { LeaseChange } from '../journal/journal.ts';
import type { KeyValue } from '../store.ts';
import { revisionKey, revisionKeyBytes, writeRevisionKey } from './bolt-format.ts';
import { BoltFile, type BucketSource } from './bolt-writer.ts';
import { keyValueLength, writeKeyValue } from './key-value-bytes.ts';

/** What is to be kept: the store's state at one revision. */
export interface SnapshotContents {
  readonly revision: number;
  /** In any order. */
  readonly live: readonly KeyValue[];
  /** What was deleted by the newest revision itself, so that it appears in the file. */
  readonly deleted: readonly string[];
  readonly leases: readonly LeaseChange[];
}

export interface Snapshot extends AsyncIterable<Uint8Array> {
  readonly totalBytes: number;
}

export const trailerBytes = 32;
const firstTerm = 2;

/** As etcd stores a lease. */
export const storedLease = message({ id: bigint64(1), ttl: int64(2), remaining: int64(3) });

/**
 * A snapshot as real etcd writes and restores them: a bbolt file and the SHA-256 of it. Of the past
 * it holds nothing: to whoever restores it, everything before `revision` has been compacted.
 */
export function writeSnapshot(contents: SnapshotContents): Snapshot {
  const file = new BoltFile(buckets(contents));
  return {
    totalBytes: file.totalBytes + trailerBytes,
    async *[Symbol.asyncIterator]() {
      const hash = createHash('sha256');
      for (const chunk of file.chunks()) {
        hash.update(chunk);
        yield chunk;
        // Whoever reads from memory should not keep the thread for all of it.
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      yield hash.digest();
    },
  };
}

function buckets({ revision, live, deleted, leases }: SnapshotContents): BucketSource[] {
  const compacted = revisionKey(revision);
  const voters = JSON.stringify({ voters: [1], auto_leave: false });
  return [
    items('alarm', []),
    items('auth', []),
    items('authRoles', []),
    items('authUsers', []),
    items('cluster', []),
    keyBucket(revision, live, deleted),
    items('lease', leases.map(leaseItem).sort(byKey)),
    items('members', []),
    items('members_removed', []),
    items('meta', [
      ['confState', Buffer.from(voters)],
      ['consistent_index', number64(revision)],
      ['finishedCompactRev', compacted],
      ['scheduledCompactRev', compacted],
      ['term', number64(firstTerm)],
    ]),
  ];
}

type Item = readonly [key: string | Buffer, value: Buffer];

function items(name: string, list: readonly Item[]): BucketSource {
  const pairs = list.map(([key, value]) => [Buffer.from(key), value] as const);
  return {
    name,
    count: pairs.length,
    keyLength: (i) => pairs[i]![0].length,
    valueLength: (i) => pairs[i]![1].length,
    writeKey: (i, target, at) => void pairs[i]![0].copy(target, at),
    writeValue: (i, target, at) => void pairs[i]![1].copy(target, at),
  };
}

function leaseItem({ id, ttlSeconds = 0, remainingSeconds = 0 }: LeaseChange): Item {
  const key = Buffer.alloc(8);
  key.writeBigInt64BE(id);
  return [key, encode(storedLease, { id, ttl: ttlSeconds, remaining: remainingSeconds })];
}

function byKey([a]: Item, [b]: Item): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function number64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** Changes in the order of their revisions; those of one revision are told apart by their place. */
function keyBucket(
  revision: number,
  live: readonly KeyValue[],
  deleted: readonly string[],
): BucketSource {
  const ordered = sortByRevision(live);
  const places = new Uint32Array(ordered.length);
  for (let i = 1; i < ordered.length; i++) {
    if (ordered[i]!.modRevision === ordered[i - 1]!.modRevision) places[i] = places[i - 1]! + 1;
  }
  const last = ordered.at(-1);
  const firstPlace = last?.modRevision === revision ? places[ordered.length - 1]! + 1 : 0;
  const tombstones = deleted.map((key): KeyValue => ({
    key,
    value: Buffer.alloc(0),
    createRevision: 0,
    modRevision: 0,
    version: 0,
    lease: 0n,
  }));
  const kvAt = (i: number): KeyValue => ordered[i] ?? tombstones[i - ordered.length]!;
  return {
    name: 'key',
    count: ordered.length + tombstones.length,
    keyLength: (i) => (i < ordered.length ? revisionKeyBytes : revisionKeyBytes + 1),
    valueLength: (i) => keyValueLength(kvAt(i)),
    writeKey: (i, target, at) => {
      if (i < ordered.length) {
        writeRevisionKey(target, at, ordered[i]!.modRevision, places[i]!);
        return;
      }
      writeRevisionKey(target, at, revision, firstPlace + i - ordered.length);
      target[at + revisionKeyBytes] = tombstoneMark;
    },
    writeValue: (i, target, at) => writeKeyValue(kvAt(i), target, at),
  };
}

/** "t" */
export const tombstoneMark = 0x74;

/** Numbers sort many times faster than objects by a function: the index rides on the revision. */
function sortByRevision(live: readonly KeyValue[]): KeyValue[] {
  const count = live.length;
  let least = Infinity;
  let most = 0;
  for (const { modRevision } of live) {
    least = Math.min(least, modRevision);
    most = Math.max(most, modRevision);
  }
  if ((most - least + 1) * count > Number.MAX_SAFE_INTEGER) {
    return [...live].sort((a, b) => a.modRevision - b.modRevision);
  }
  const ranks = new Float64Array(count);
  for (let i = 0; i < count; i++) ranks[i] = (live[i]!.modRevision - least) * count + i;
  ranks.sort();
  return Array.from(ranks, (rank) => live[rank % count]!);
}
