import { expect, test } from 'vitest';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { hasTable } from '#main/control-plane/apiserver/http/table.ts';

const served = (plural: string, more: object = {}): ServedResource =>
  ({ resource: { plural }, cache: {}, rest: {}, ...more }) as ServedResource;
const computed = { cache: undefined };

test.each([
  ['pods', '', {}, true],
  ['pods', 'status', {}, true],
  ['pods', 'eviction', {}, false],
  ['deployments', 'scale', {}, true],
  ['serviceaccounts', 'token', {}, false],
  ['selfsubjectaccessreviews', '', computed, false],
  ['componentstatuses', '', { ...computed, rest: { handlers: { list: () => undefined } } }, true],
])('whether %s/%s %o has a table: %s', (plural, subresource, more, expected) => {
  expect(hasTable(served(plural, more), subresource)).toBe(expected);
});
