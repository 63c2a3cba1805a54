import { expect, test } from 'vitest';
import { KeyIndex } from './key-index.ts';
import type { KeyValue } from './store.ts';

test('an index says what a sorted list of the same keys would say', () => {
  const index = new KeyIndex();
  const model = new Map<string, KeyValue>();
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const randomKey = (): string => `key/${random(4000)}`;
  for (let phase = 0; phase < 6; phase++) {
    for (let i = 0; i < 4000; i++) {
      const key = randomKey();
      // Phases in which it grows and in which it shrinks to almost nothing.
      if (random(10) < (phase % 2 === 0 ? 9 : 1)) {
        const kv = keyValue(key, i);
        index.set(kv);
        model.set(key, kv);
      } else {
        index.delete(key);
        model.delete(key);
      }
    }
    const sorted = [...model.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    expect(index.size).toBe(sorted.length);
    expect(index.collect('')).toEqual(sorted);
    for (let i = 0; i < 200; i++) {
      const [from, to] = [randomKey(), randomKey()];
      const within = sorted.filter(({ key }) => key >= from && key < to);
      const after = sorted.filter(({ key }) => key >= from);
      expect(index.get(from)).toBe(model.get(from));
      expect(index.count(from, to)).toBe(within.length);
      expect(index.count(from)).toBe(after.length);
      expect(index.collect(from, to, 5)).toEqual(within.slice(0, 5));
    }
  }
  for (const key of model.keys()) index.delete(key);
  expect(index.size).toBe(0);
  expect(index.collect('')).toEqual([]);
});

test('keys that arrive in order, either way, are all found', () => {
  const keys = Array.from({ length: 10_000 }, (_, i) => String(i).padStart(6, '0'));
  for (const order of [keys, keys.toReversed()]) {
    const index = new KeyIndex();
    for (const key of order) index.set(keyValue(key, 1));
    expect(index.collect('').map(({ key }) => key)).toEqual(keys);
    expect(index.count('005000', '005100')).toBe(100);
  }
});

function keyValue(key: string, modRevision: number): KeyValue {
  return {
    key,
    value: Buffer.alloc(0),
    createRevision: 1,
    modRevision,
    version: 1,
    lease: 0n,
  };
}
