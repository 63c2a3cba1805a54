import { expect, test } from 'vitest';
import {
  addQuantities,
  canonicalQuantity,
  formatQuantity,
  mustParse,
  parseQuantity,
  quantityMilliValue,
  quantityValue,
} from '#shared/kube/quantity.ts';

test.each([
  ['0', '0'],
  ['0Ki', '0'],
  ['1000m', '1'],
  ['0.5', '500m'],
  ['.5', '500m'],
  ['1.', '1'],
  ['+3', '3'],
  ['-1.5', '-1500m'],
  ['100', '100'],
  ['1000', '1k'],
  ['1500M', '1500M'],
  ['1024Mi', '1Gi'],
  ['1.5Gi', '1536Mi'],
  ['1.1Ki', '1126400m'],
  ['0.5Ki', '512'],
  ['1Ki', '1Ki'],
  ['1000Ki', '1000Ki'],
  ['0.1Ki', '102400m'],
  ['0.0001Ki', '102400u'],
  ['1e3', '1e3'],
  ['1E3', '1e3'],
  ['12e4', '120e3'],
  ['1e-3', '1e-3'],
  ['5e0', '5'],
  ['1E', '1E'],
  ['0.1n', '1n'],
  ['1.0000000001', '1000000001n'],
  ['9223372036854775808', '9223372036854775807'],
  ['100E', '9223372036854775807'],
  ['1e2000', '9223372036854775807'],
])('%s is written %s', (text, canonical) => {
  expect(canonicalQuantity(text)).toBe(canonical);
});

test.each([
  '',
  ' 1',
  '1 ',
  'a',
  '1i',
  '1KI',
  '1ki',
  '--1',
  '1e',
  '1.2.3',
  '.',
  '1mm',
  '0x1',
  '1e1.5',
])('%j is no quantity', (text) => {
  expect(parseQuantity(text)).toBeUndefined();
});

test('values round away from zero', () => {
  expect([quantityValue('1m'), quantityValue('-1m'), quantityValue('1Gi')]).toEqual([
    1,
    -1,
    2 ** 30,
  ]);
  expect([quantityMilliValue('1u'), quantityMilliValue('2'), quantityMilliValue('100m')]).toEqual([
    1, 2000, 100,
  ]);
});

test('a sum keeps the format of its first part, unless that is zero', () => {
  expect(formatQuantity(addQuantities(mustParse('1Gi'), mustParse('1024')))).toBe('1048577Ki');
  expect(formatQuantity(addQuantities(mustParse('0'), mustParse('1Gi')))).toBe('1Gi');
});
