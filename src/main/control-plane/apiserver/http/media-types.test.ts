import { expect, test } from 'vitest';
import { negotiate } from '#main/control-plane/apiserver/http/media-types.ts';

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';

test.each([
  ['a table of what has one', table, {}, 'table'],
  [
    'the object where there is no table',
    `${table},application/json`,
    { withoutTable: true },
    'object',
  ],
  [
    'bare metadata of what has no table',
    'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
    { withoutTable: true },
    'metadata',
  ],
])('a client gets %s', (_, accept, offer, rendering) => {
  expect(negotiate(accept, { isResource: true, ...offer })).toMatchObject({ rendering });
});

test('a client that only takes a table is refused where there is none', () => {
  expect(() => negotiate(table, { isResource: true, withoutTable: true })).toThrowError(
    expect.objectContaining({ reason: 'NotAcceptable', code: 406 }),
  );
});
