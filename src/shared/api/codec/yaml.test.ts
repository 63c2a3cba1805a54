import { expect, test } from 'vitest';
import { parseYaml } from '#shared/api/codec/yaml.ts';

const plain: readonly (readonly [text: string, value: unknown])[] = [
  ['yes', true],
  ['N', false],
  ['off', false],
  ['~', null],
  ['', null],
  ['010', 8],
  ['0x10', 16],
  ['08', 8],
  ['1_000', 1000],
  ['1e3', 1000],
  ['.5', 0.5],
  ['1:30', '1:30'],
  ['2020-01-01', '2020-01-01'],
  ['"yes"', 'yes'],
  ['!!str 1', '1'],
  ['!!int "3"', 3],
  ['!!binary aGk=', 'hi'],
  ['1e400', '1e400'],
  ['|\n  a\n  b', 'a\nb\n'],
];

test.each(plain)('%j is read as go-yaml reads it', (text, value) => {
  expect(parseYaml(`k: ${text}\n`).value).toEqual({ k: value });
});

test('aliases and merges are resolved, and only the first document counts', () => {
  const text = 'a: &x {b: c, d: e}\nf: *x\ng:\n  <<: *x\n  h: i\n---\nz: 1\n';
  const first = { b: 'c', d: 'e' };
  expect(parseYaml(text).value).toEqual({ a: first, f: first, g: { ...first, h: 'i' } });
});

test('duplicate keys are one strict error with their lines', () => {
  const { value, strictErrors } = parseYaml('a: 1\nb:\n  c: 1\n  c: 2\na: 3\n');
  expect(value).toEqual({ a: 3, b: { c: 2 } });
  expect(strictErrors).toEqual([
    'yaml: unmarshal errors:\n  line 4: key "c" already set in map\n  line 5: key "a" already set in map',
  ]);
});

test.each([
  ['a: b: c\n', 'yaml: mapping values are not allowed in this context'],
  ['a: 1\nb: @x\n', 'yaml: line 2: found character that cannot start any token'],
  ['a: *nope\n', "yaml: unknown anchor 'nope' referenced"],
])('%j is refused in go-yaml’s words', (text, message) => {
  expect(() => parseYaml(text)).toThrow(expect.objectContaining({ message }));
});
