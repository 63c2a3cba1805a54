import { describe, expect, test } from 'vitest';
import type { TableRow } from '#shared/contract/following.ts';
import { RowOrder } from './row-order.ts';

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
const byName = { columns, sorting: { column: 'Name', isDescending: false }, filter: '' };
const names = ({ rows }: RowOrder): readonly string[] =>
  rows.map(({ name, isGone }) => (isGone ? `(${name})` : name));

function ordered(rows: readonly TableRow[], options = byName): RowOrder {
  const order = new RowOrder();
  order.reset(rows, options);
  return order;
}

test('every word of a filter must be somewhere in the row', () => {
  const rows = [row('web-1', 'Running'), row('web-2', 'Pending')];
  expect(names(ordered(rows, { ...byName, filter: 'web pend' }))).toEqual(['web-2']);
  expect(names(ordered(rows, { ...byName, filter: ' ' }))).toEqual(['web-1', 'web-2']);
});

test('numbers sort as numbers, equals by name', () => {
  const rows = [row('b', 10), row('a', 10), row('c', 9), row('c10', 1), row('c9', 1)];
  const sorting = { column: 'Restarts', isDescending: false };
  expect(names(ordered(rows, { ...byName, sorting }))).toEqual(['c9', 'c10', 'c', 'a', 'b']);
});

test('ages sort by time: the youngest first', () => {
  const rows = [row('old'), { ...row('new'), created: '2026-01-02T00:00:00Z' }];
  const sorting = { column: 'Age', isDescending: false };
  expect(names(ordered(rows, { ...byName, sorting }))).toEqual(['new', 'old']);
});

describe('a frozen order', () => {
  test('keeps places: what is new comes last, what has gone stays as a shadow', () => {
    const [a, b, c] = [row('a'), row('b', 1), row('c')];
    const order = ordered([a, b, c]);
    order.freeze();
    order.apply([
      { before: a, after: undefined },
      { before: b, after: row('b', 2) },
      { before: undefined, after: row('aa') },
    ]);
    expect(names(order)).toEqual(['(a)', 'b', 'c', 'aa']);
    expect(order.rows[1]!.cells).toEqual(['b', 2]);
    order.thaw();
    expect(names(order)).toEqual(['aa', 'b', 'c']);
  });

  test('takes back what comes back', () => {
    const a = row('a');
    const order = ordered([a]);
    order.freeze();
    order.apply([{ before: a, after: undefined }]);
    order.apply([{ before: undefined, after: row('a', 'again') }]);
    expect(names(order)).toEqual(['a']);
    expect(order.rows[0]!.cells).toEqual(['a', 'again']);
  });
});

test.each([3, 250])('%d changes at a time end as a list that is read anew', (atOnce) => {
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const sorting = { column: 'Restarts', isDescending: true };
  const options = { columns, sorting, filter: '1' };
  const all = new Map<string, TableRow>();
  const order = ordered([], options);
  for (let round = 0; round < 20; round++) {
    const changes = Array.from({ length: atOnce }, () => {
      const name = `pod-${random(300)}`;
      const before = all.get(`ns/${name}`);
      const after = random(4) === 0 && before ? undefined : row(name, random(50));
      if (after) all.set(after.key, after);
      else all.delete(before!.key);
      return { before, after };
    });
    order.apply(changes);
    expect(names(order)).toEqual(names(ordered([...all.values()], options)));
  }
});
