import { expect, test } from 'vitest';
import type { Change, Difference } from '#shared/contract/snapshots.ts';
import { byKind } from './by-kind.ts';
import { diffLines } from './line-diff.ts';
import { objectText } from './object-text.ts';
import { barsOf } from './time-line.ts';
import { bytesText } from './words.ts';

const text = (...lines: readonly string[]): string => `${lines.join('\n')}\n`;
const drawn = (before: string, after: string): readonly string[] =>
  diffLines(before, after).map(
    ({ type, text }) => ({ same: ' ', removed: '-', added: '+', skipped: '@' })[type] + text,
  );

test.each([
  ['equal texts', text('a', 'b'), text('a', 'b'), ['@2 equal lines']],
  ['a changed line', text('a', 'b', 'c'), text('a', 'x', 'c'), [' a', '-b', '+x', ' c']],
  ['nothing before', '', text('a'), ['+a']],
  ['nothing after', text('a'), '', ['-a']],
  [
    'far-away lines fold',
    text('1', '2', '3', '4', '5', '6'),
    text('1', '2', '3', '4', '5', 'x'),
    ['@2 equal lines', ' 3', ' 4', ' 5', '-6', '+x'],
  ],
  [
    'a line that moved in',
    text('a', 'b', 'c', 'd'),
    text('a', 'c', 'n', 'd'),
    [' a', '-b', ' c', '+n', ' d'],
  ],
])('%s', (_name, before, after, lines) => {
  expect(drawn(before, after)).toEqual(lines);
});

test('an object reads in one order, without managed fields', () => {
  expect(
    objectText({
      spec: { b: 1, a: 2 },
      metadata: { name: 'x', managedFields: [{}], annotations: { z: '1' } },
      kind: 'Deployment',
      apiVersion: 'apps/v1',
    }),
  ).toBe(
    'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  annotations:\n    z: "1"\n  name: x\nspec:\n  a: 2\n  b: 1\n',
  );
});

test('what people made comes before what controllers make of it', () => {
  const difference = (kind: string, change: Change): Difference => ({
    key: kind,
    change,
    kind,
    apiVersion: 'v1',
    namespace: 'default',
    name: 'a',
  });
  const groups = byKind([
    difference('Pod', 'gone'),
    difference('ReplicaSet', 'new'),
    difference('Service', 'changed'),
    difference('Deployment', 'gone'),
  ]);
  expect(groups.map(({ kind }) => kind)).toEqual(['Deployment', 'Service', 'ReplicaSet', 'Pod']);
  expect(groups[1]?.counts).toEqual({ gone: 0, new: 0, changed: 1 });
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1536, '1.5 KiB'],
  [1_023_999, '1000 KiB'],
  [5 * 1024 * 1024, '5.0 MiB'],
])('%d bytes are %s', (bytes, expected) => {
  expect(bytesText(bytes)).toBe(expected);
});

test('a bar’s height tells how much changed, on a scale that shows both 1 and 10,000', () => {
  const snapshot = (name: string, takenAt: number, changed?: number) => ({
    name,
    kind: 'manual' as const,
    takenAt,
    revision: 1,
    bytes: 1,
    ...(changed !== undefined && { changed }),
  });
  const bars = barsOf([snapshot('c', 200, 0), snapshot('b', 100, 10_000), snapshot('a', 0, 1)], {
    now: 400,
    width: 400,
    height: 50,
  });
  expect(bars.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  const [low, high, none] = bars;
  expect(high!.height).toBeGreaterThan(low!.height);
  expect(low!.height).toBeGreaterThan(none!.height);
  expect(high!.x - low!.x).toBeCloseTo(none!.x - high!.x);
});
