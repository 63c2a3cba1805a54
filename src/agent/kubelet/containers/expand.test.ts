import { expect, test } from 'vitest';
import { expand } from './expand.ts';

const values: Readonly<Record<string, string>> = { A: 'one', B: '$(A)', EMPTY: '' };

test.each([
  ['', ''],
  ['plain', 'plain'],
  ['$(A)', 'one'],
  ['x$(A)y$(A)z', 'xoneyonez'],
  ['$(B)', '$(A)'],
  ['$(EMPTY)|', '|'],
  ['$(NONE)', '$(NONE)'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$one'],
  ['$$', '$'],
  ['$', '$'],
  ['a$', 'a$'],
  ['$A', '$A'],
  ['$(A', '$(A'],
  ['$()', '$()'],
  ['$((A))', '$((A))'],
  ['$(A)$', 'one$'],
])('%j becomes %j', (text, expected) => {
  expect(expand(text, (name) => values[name])).toBe(expected);
});
