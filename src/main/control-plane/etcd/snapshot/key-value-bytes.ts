import type { KeyValue } from '../store.ts';

/**
 * etcd keeps a key-value as the protocol buffer `mvccpb.KeyValue`. Snapshots write millions of
 * them, so that these are written straight to their place.
 */
export function keyValueLength(kv: KeyValue): number {
  return (
    delimitedLength(kv.key.length) +
    numberLength(kv.createRevision) +
    numberLength(kv.modRevision) +
    numberLength(kv.version) +
    delimitedLength(kv.value.length) +
    (kv.lease === 0n ? 0 : 1 + bigVarintLength(kv.lease))
  );
}

export function writeKeyValue(kv: KeyValue, target: Buffer, start: number): void {
  let at = start;
  if (kv.key.length > 0) {
    at = writeVarint(target, at, 0x0a);
    at = writeVarint(target, at, kv.key.length);
    at += target.write(kv.key, at, 'latin1');
  }
  at = writeNumber(target, at, 0x10, kv.createRevision);
  at = writeNumber(target, at, 0x18, kv.modRevision);
  at = writeNumber(target, at, 0x20, kv.version);
  if (kv.value.length > 0) {
    at = writeVarint(target, at, 0x2a);
    at = writeVarint(target, at, kv.value.length);
    target.set(kv.value, at);
    at += kv.value.length;
  }
  if (kv.lease !== 0n) {
    at = writeVarint(target, at, 0x30);
    writeBigVarint(target, at, kv.lease);
  }
}

function delimitedLength(length: number): number {
  return length === 0 ? 0 : 1 + varintLength(length) + length;
}

function numberLength(value: number): number {
  return value === 0 ? 0 : 1 + varintLength(value);
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

function bigVarintLength(value: bigint): number {
  let length = 1;
  for (let rest = BigInt.asUintN(64, value); rest >= 0x80n; rest >>= 7n) length++;
  return length;
}

function writeNumber(target: Buffer, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  target[at] = tag;
  return writeVarint(target, at + 1, value);
}

function writeVarint(target: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}

function writeBigVarint(target: Buffer, start: number, value: bigint): void {
  let at = start;
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    target[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  target[at] = Number(rest);
}
