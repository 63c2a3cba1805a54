import { expect, test } from 'vitest';
import { parseFields, seal, setOf } from './field-set.ts';

test('Equal sets are one, and so are the equal parts of sets that differ', () => {
  const [one, other, different] = ['a', 'a', 'b'].map((name) =>
    seal(setOf(['spec', 'image'], ['spec', 'name'], ['status', name])!),
  );
  expect(other).toBe(one);
  expect(different).not.toBe(one);
  expect(different!['f:spec']).toBe(one!['f:spec']);
});

test('A set from outside is the one that is known, whatever its order', () => {
  const known = seal(setOf(['spec', 'a'], ['spec', 'b'])!);
  expect(parseFields({ 'f:spec': { 'f:b': {}, 'f:a': {} } })).toBe(known);
});

test('An element may hold any letter without being taken for another', () => {
  const odd = ['f:a0', 'f:a0;1:b0', 'f:a\0', 'k:{"name":"0;"}'];
  const sets = odd.map((element) => parseFields({ [element]: {} }));
  expect(sets.map((set) => Object.keys(set!))).toEqual(odd.map((element) => [element]));
});
