import { expect, test } from 'vitest';
import { ageOf, filtered, inFrozenOrder, sorted } from './view-rows.ts';
import type { TableRow } from './live-table.ts';

const row = (name: string, ...cells: unknown[]): TableRow => ({
  key: `ns/${name}`,
  namespace: 'ns',
  name,
  created: '2026-01-01T00:00:00Z',
  cells: [name, ...cells],
});
const columns = ['Name', 'Restarts'].map((name) => ({
  name,
  type: '',
  priority: 0,
  description: '',
}));
const names = (rows: readonly TableRow[]): string[] => rows.map(({ name }) => name);

test('every word of a filter must be somewhere in the row', () => {
  const rows = [row('web-1', 'Running'), row('web-2', 'Pending')];
  expect(names(filtered(rows, 'web pend'))).toEqual(['web-2']);
  expect(names(filtered(rows, ' '))).toEqual(['web-1', 'web-2']);
});

test('numbers sort as numbers, equals by name', () => {
  const rows = [row('b', 10), row('a', 10), row('c', 9), row('c10', 1), row('c9', 1)];
  expect(names(sorted(rows, columns, { column: 'Restarts', isDescending: false }))).toEqual([
    'c9',
    'c10',
    'c',
    'a',
    'b',
  ]);
});

test('a frozen order keeps places; new rows come last', () => {
  expect(
    names(inFrozenOrder([row('new'), row('a'), row('b')], ['ns/b', 'ns/gone', 'ns/a'])),
  ).toEqual(['b', 'a', 'new']);
});

test.each([
  [0, '0s'],
  [119, '119s'],
  [125, '2m5s'],
  [600, '10m'],
  [3 * 3600 + 60, '3h1m'],
  [9 * 3600, '9h'],
  [50 * 3600, '2d2h'],
  [20 * 86400, '20d'],
  [800 * 86400, '2y70d'],
])('%d seconds are %s', (seconds, text) => {
  expect(ageOf('2026-01-01T00:00:00Z', Date.UTC(2026, 0, 1) + seconds * 1000)).toBe(text);
});
