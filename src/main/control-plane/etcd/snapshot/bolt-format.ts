/**
 * bbolt's file format, version 2. Pages of one size; 0 and 1 describe the file (the one with the
 * higher transaction number counts), the others are the leaves and branches of B+ trees, one per
 * bucket; the tree of the root holds the buckets. Little-endian.
 */
export const pageBytes = 4096;
export const pageHeaderBytes = 16;
export const elementBytes = 16;
export const bucketHeaderBytes = 16;
export const magic = 0xed0cdaed;
export const formatVersion = 2;
export const pageFlags = { branch: 1, leaf: 2, meta: 4, freelist: 0x10 } as const;
/** A leaf's element whose value is a bucket. */
export const bucketElement = 1;
export const metaBytes = 64;
export const metaChecksumAt = 56;

/** FNV-1a of 64 bits, by which a meta page is checked. */
export function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

/** Where a change is kept: its revision and its place within it, in an order that sorts. */
export const revisionKeyBytes = 17;

export function writeRevisionKey(target: Buffer, at: number, main: number, place: number): void {
  target.writeBigInt64BE(BigInt(main), at);
  target[at + 8] = 0x5f;
  target.writeBigInt64BE(BigInt(place), at + 9);
}

export function revisionKey(main: number, place = 0): Buffer {
  const key = Buffer.alloc(revisionKeyBytes);
  writeRevisionKey(key, 0, main, place);
  return key;
}
