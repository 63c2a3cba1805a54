import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { keyValue } from '../grpc/messages.ts';
import { decode } from '../grpc/protobuf.ts';
import type { LeaseChange } from '../journal/journal.ts';
import { StoreError, type KeyValue } from '../store.ts';
import { revisionKeyBytes } from './bolt-format.ts';
import { BoltError, BoltReader } from './bolt-reader.ts';
import { crc32c } from './crc32c.ts';
import { storedLease, tombstoneMark, trailerBytes } from './write.ts';

/** The numbers that `etcdctl snapshot status` prints, by the reckoning of etcd 3.4. */
export interface SnapshotStatus {
  readonly hash: number;
  readonly revision: number;
  readonly totalKeys: number;
  readonly totalBytes: number;
  /** Whether the file carries a checksum of itself; one copied by hand does not. */
  readonly hasChecksum: boolean;
  /** How many keys there are once it is restored. */
  readonly liveKeys: number;
  /** The revision that the store was at: later than `revision` if that left no trace. */
  readonly newestRevision: number;
  readonly leases: number;
}

/** What is called for each thing that counts when restoring; the buffers are the receiver's. */
export interface SnapshotReceiver {
  readonly put: (kv: KeyValue) => void;
  readonly delete: (key: string) => void;
  readonly lease: (lease: LeaseChange) => void;
}

const ignoring: SnapshotReceiver = { put: () => {}, delete: () => {}, lease: () => {} };
const sectorBytes = 512;

/**
 * Reads a snapshot of a real etcd or of ours from end to end, checking its checksum and its
 * structure. Throws `corrupt`, saying what is wrong.
 */
export async function readSnapshot(
  path: string,
  receiver: SnapshotReceiver = ignoring,
): Promise<SnapshotStatus> {
  await using file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const hasChecksum = size % sectorBytes === trailerBytes;
    const length = hasChecksum ? size - trailerBytes : size;
    if (hasChecksum) await checkSum(file, length);
    const bolt = await BoltReader.open(file, length);
    const status = await readBuckets(bolt, receiver);
    await bolt.checkPages();
    return { ...status, totalBytes: bolt.totalBytes, hasChecksum };
  } catch (error) {
    if (!(error instanceof BoltError) && !(error instanceof RangeError)) throw error;
    const why = error instanceof BoltError ? error.message : 'a number in it is impossible';
    const message = `The snapshot ${path} is damaged: ${why}; use another one`;
    throw new StoreError('corrupt', message, { cause: error });
  }
}

async function checkSum(file: FileHandle, length: number): Promise<void> {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafeSlow(1024 * 1024);
  for (let at = 0; at < length;) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, length - at), at);
    if (bytesRead === 0) throw new BoltError('the file is cut off');
    hash.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
  const expected = Buffer.alloc(trailerBytes);
  await file.read(expected, 0, trailerBytes, length);
  if (!hash.digest().equals(expected))
    throw new BoltError('its contents do not match its checksum');
}

type Tally = Omit<SnapshotStatus, 'totalBytes' | 'hasChecksum'>;

async function readBuckets(bolt: BoltReader, receiver: SnapshotReceiver): Promise<Tally> {
  let hash = 0;
  let totalKeys = 0;
  let revision = 0;
  let newestRevision = 0;
  let leases = 0;
  let isEtcd = false;
  const live = new Set<string>();
  for await (const { name, items } of bolt.buckets()) {
    hash = crc32c(Buffer.from(name, 'latin1'), hash);
    for await (const { key, value } of items) {
      hash = crc32c(value, crc32c(key, hash));
      totalKeys++;
      if (name === 'key') revision = readChange(key, value, { live, receiver });
      if (name === 'lease') {
        leases++;
        receiver.lease(readLease(value));
      }
      if (name === 'meta' && key.toString('latin1').endsWith('CompactRev')) {
        newestRevision = Math.max(newestRevision, Number(value.readBigInt64BE(0)));
      }
    }
    isEtcd ||= name === 'key';
  }
  if (!isEtcd) throw new BoltError('it is a bbolt file, but not of etcd');
  newestRevision = Math.max(newestRevision, revision);
  return { hash, revision, newestRevision, totalKeys, liveKeys: live.size, leases };
}

/** Returns the revision of the change. */
function readChange(
  key: Buffer,
  value: Buffer,
  { live, receiver }: { readonly live: Set<string>; readonly receiver: SnapshotReceiver },
): number {
  if (key.length < revisionKeyBytes || key[8] !== 0x5f)
    throw new BoltError('a revision is garbled');
  const main = Number(key.readBigInt64BE(0));
  const kv = parse(() => decode(keyValue, value));
  if (key[revisionKeyBytes] === tombstoneMark) {
    live.delete(kv.key);
    receiver.delete(kv.key);
    return main;
  }
  // A revision that only marks how far `etcdutl` has moved the numbers on has no key.
  if (kv.key === '') return main;
  if (kv.modRevision !== main) throw new BoltError(`revision ${main} says it is ${kv.modRevision}`);
  live.add(kv.key);
  receiver.put(kv);
  return main;
}

function readLease(value: Buffer): LeaseChange {
  const { id, ttl, remaining } = parse(() => decode(storedLease, value));
  return { id, ttlSeconds: ttl, remainingSeconds: remaining };
}

function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new BoltError(`a record is garbled: ${(error as Error).message}`, { cause: error });
  }
}
