import { expect, test } from 'vitest';
import { schemaV2Of } from '#main/control-plane/apiserver/custom-resources/schema-v2.ts';

const string = { type: 'string' };
const keepsUnknown = { 'x-kubernetes-preserve-unknown-fields': true };

test.each([
  ['nothing of what keeps unknown fields', { type: 'object', ...keepsUnknown }, undefined],
  [
    'no junctors',
    { type: 'object', oneOf: [{ required: ['a'] }], not: {}, properties: { a: string } },
    { type: 'object', properties: { a: string } },
  ],
  [
    'no type of what may be null, which cannot be required then',
    {
      type: 'object',
      required: ['a', 'b'],
      properties: {
        a: { ...string, nullable: true },
        b: { type: 'array', items: string, nullable: true, description: 'B' },
      },
    },
    { type: 'object', properties: { a: {}, b: { description: 'B' } } },
  ],
  [
    'no members of what keeps unknown ones',
    {
      type: 'object',
      required: ['a'],
      properties: {
        a: { type: 'object', ...keepsUnknown, properties: { c: string }, required: ['c'] },
        b: { ...string, ...keepsUnknown },
      },
    },
    {
      type: 'object',
      required: ['a'],
      properties: { a: { ...keepsUnknown, required: ['c'] }, b: { ...string, ...keepsUnknown } },
    },
  ],
  [
    'nothing required of a map whose values may be null',
    { type: 'object', required: ['a'], additionalProperties: { ...string, nullable: true } },
    { type: 'object', additionalProperties: {} },
  ],
])('the v2 document has %s', (_, schema, expected) => {
  expect(schemaV2Of(schema)).toEqual(expected);
});
