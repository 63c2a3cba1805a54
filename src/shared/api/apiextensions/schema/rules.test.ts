import { expect, test } from 'vitest';
import { validateRules } from '#shared/api/apiextensions/schema/rules.ts';
import type { Schema } from '#shared/api/apiextensions/schema/walk.ts';

const withRule = (rule: string, more: Partial<Schema> = {}): Schema => ({
  type: 'object',
  properties: {
    x: {
      type: 'array',
      items: { type: 'string' },
      ...more,
      'x-kubernetes-validations': [{ rule }],
    },
  },
});

const field = 's.properties[x].x-kubernetes-validations[0].rule';
const hint =
  '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';

const cases: readonly (readonly [string, Schema, readonly string[]])[] = [
  ['a bounded rule is fine', withRule('self.all(s, s == "a")', { maxItems: 10 }), []],
  [
    'comparing unbounded lists is too expensive',
    withRule('self.all(s, self.all(t, s == t))'),
    [
      `${field}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${hint}`,
      `${field}: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
      `s: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${hint}`,
    ],
  ],
  [
    'a rule is true or false',
    withRule('self.size()'),
    [`${field}: Invalid value: {"rule":"self.size()"}: cel expression must evaluate to a bool`],
  ],
  [
    'what a rule names is there',
    withRule('self.exists(s, s == other)'),
    [
      `${field}: Invalid value: {"rule":"self.exists(s, s == other)"}: compilation failed: ERROR: <input>:1:21: undeclared reference to 'other' (in container '')\n | self.exists(s, s == other)\n | ....................^`,
    ],
  ],
  [
    'an item of an ordinary list has no older self',
    {
      type: 'object',
      properties: {
        x: {
          type: 'array',
          maxItems: 5,
          items: {
            type: 'string',
            maxLength: 5,
            'x-kubernetes-validations': [{ rule: 'self == oldSelf' }],
          },
        },
      },
    },
    [
      's.properties[x].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[x]',
    ],
  ],
];

test.each(cases)('%s', (_name, schema, expected) => {
  const errors = [...validateRules(schema, 's', [])];
  expect(errors.map((error) => `${error.field}: ${error.message}`)).toEqual(expected);
});
