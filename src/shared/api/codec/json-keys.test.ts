import { expect, test } from 'vitest';
import { parseUntypedJson } from '#shared/api/codec/json.ts';
import { duplicateFields } from '#shared/api/codec/json-keys.ts';

test.each([
  ['{"a":1,"b":{"a":1}}', []],
  [String.raw`{"a\"":"\\","b":[{"c":"\"d\":"},{"c":1}]}`, []],
  ['{"a":1,"a":2,"a":3}', ['duplicate field "a"']],
  [
    '{"s":{"l":[0,{"x":1, "x" : {"y":[],"y":{}}}]}}',
    ['duplicate field "s.l[1].x"', 'duplicate field "s.l[1].x.y"'],
  ],
])('%s', (text, errors) => {
  expect(duplicateFields({ text, parsed: parseUntypedJson(text) })).toEqual(errors);
});
