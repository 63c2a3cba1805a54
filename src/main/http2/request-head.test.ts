import { expect, test } from 'vitest';
import { RequestHead } from '#main/http2/request-head.ts';

const pseudo = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/'],
] as const;

function headOf(headers: readonly (readonly [name: string, value: string])[]): RequestHead {
  const head = new RequestHead(1000);
  for (const [name, value] of headers) head.receive(name, value);
  return head;
}

test('headers that come more than once are joined as their kind wants it', () => {
  const head = headOf([
    ...pseudo,
    ['accept', 'a'],
    ['accept', 'b'],
    ['cookie', 'x=1'],
    ['cookie', 'y=2'],
    ['authorization', 'first'],
    ['authorization', 'second'],
    ['impersonate-group', 'one'],
    ['impersonate-group', 'two, with a comma'],
    ['impersonate-group', 'three'],
  ]);
  expect(head.isMalformed).toBe(false);
  expect({ ...head.headers }).toEqual({
    ...Object.fromEntries(pseudo),
    accept: 'a, b',
    cookie: 'x=1; y=2',
    authorization: 'first',
    'impersonate-group': ['one', 'two, with a comma', 'three'],
  });
});

test.each<[string, (readonly [string, string])[], boolean]>([
  ['nothing', [], true],
  ['no path', pseudo.slice(0, 2), true],
  ['a path twice', [...pseudo, [':path', '/']], true],
  [
    'every resource',
    [
      [':method', 'OPTIONS'],
      [':scheme', 'https'],
      [':path', '*'],
    ],
    false,
  ],
  ['a length that is no number', [...pseudo, ['content-length', '1x']], true],
  ['te for trailers', [...pseudo, ['te', 'trailers']], false],
  ['te for something else', [...pseudo, ['te', 'gzip']], true],
])('%s', (_, headers, isMalformed) => {
  expect(headOf(headers).isMalformed).toBe(isMalformed);
});

test('a long list is too large, and no more of it is kept', () => {
  const head = headOf([...pseudo, ['x-a', 'v'.repeat(1000)], ['x-b', 'w']]);
  expect(head.isTooLarge).toBe(true);
  expect(Object.keys(head.headers)).toEqual([':method', ':scheme', ':path']);
});
