import { expect, test } from 'vitest';
import { compareNaturally } from '#shared/base/natural-order.ts';

test.each([
  [['node-1', 'node-9', 'node-10']],
  [['', 'a', 'b']],
  [['api', 'web', 'web2', 'Web10']],
  [['0/3', '1/2', '1/10']],
  [['a7', 'a8', 'a09', 'a010']],
  [['v1.9.9', 'v1.10.0']],
])('%j stays as people would have it, whatever the order before', (texts) => {
  expect(texts.toReversed().toSorted(compareNaturally)).toEqual(texts);
});

test('texts that differ in zeros or case only have an order, too', () => {
  expect(compareNaturally('a7', 'a07')).toBe(-compareNaturally('a07', 'a7'));
  expect(compareNaturally('a7', 'a07')).not.toBe(0);
  expect(compareNaturally('A', 'a')).not.toBe(0);
  expect(compareNaturally('a', 'a')).toBe(0);
});
