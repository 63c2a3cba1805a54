import { describe, expect, test } from 'vitest';
import { ruleValidator } from '#main/control-plane/apiserver/custom-resources/rules.ts';
import type { JSONSchemaProps } from '#shared/api/types/apiextensions-v1.ts';

const schema: JSONSchemaProps = {
  type: 'object',
  'x-kubernetes-validations': [
    { rule: 'self.metadata.name.startsWith("w")', message: 'the name begins with w' },
  ],
  properties: {
    spec: {
      type: 'object',
      'x-kubernetes-validations': [
        {
          rule: 'self.least <= self.most',
          messageExpression: '"least is " + string(self.least)',
          fieldPath: '.least',
          reason: 'FieldValueForbidden',
        },
      ],
      properties: {
        least: { type: 'integer' },
        most: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self >= oldSelf' }] },
        port: {
          'x-kubernetes-int-or-string': true,
          'x-kubernetes-validations': [{ rule: 'self > 1' }],
        },
        rules: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            properties: {
              name: { type: 'string' },
              'a-b': { type: 'string' },
              until: { type: 'string', format: 'date-time' },
            },
            'x-kubernetes-validations': [
              { rule: 'self.a__dash__b == oldSelf.a__dash__b' },
              { rule: '!has(self.until) || self.until < timestamp("2030-01-01T00:00:00Z")' },
            ],
          },
        },
        once: {
          type: 'string',
          'x-kubernetes-validations': [
            { rule: '!oldSelf.hasValue()', optionalOldSelf: true, reason: 'FieldValueInvalid' },
          ],
        },
        labels: {
          type: 'object',
          additionalProperties: {
            type: 'string',
            'x-kubernetes-validations': [{ rule: 'self.size() < 3' }],
          },
        },
      },
    },
  },
};

const object = (spec: object, name = 'web'): object => ({ metadata: { name }, spec });
const validator = ruleValidator(schema)!;

describe('rules of custom resources', () => {
  const fine = object({ least: 1, most: 2 });
  const cases: readonly (readonly [string, object, object | undefined, readonly string[]])[] = [
    ['all hold', fine, undefined, []],
    [
      'one at the root does not',
      object({ least: 1, most: 2 }, 'other'),
      undefined,
      ['<nil>: Invalid value: the name begins with w'],
    ],
    [
      'one has a message, a field and a reason of its own',
      object({ least: 3, most: 2 }),
      undefined,
      ['spec.least: Forbidden: least is 3'],
    ],
    [
      'a transition is forbidden',
      object({ least: 1, most: 1 }),
      fine,
      ['spec.most: Invalid value: 1: failed rule: self >= oldSelf'],
    ],
    [
      'a field is absent that a rule takes for granted',
      object({ least: 1 }),
      undefined,
      ['spec: Invalid value: "object": no such key: most evaluating rule: self.least <= self.most'],
    ],
    [
      'a value of either type is of the wrong one',
      object({ least: 1, most: 1, port: 'x' }),
      undefined,
      [
        'spec.port: Invalid value: "": \'no such overload: _>_(string, int)\': call arguments did not match a supported operator, function or macro signature for rule: self > 1',
      ],
    ],
    [
      'items are compared with those of the same key',
      object({
        least: 1,
        most: 1,
        rules: [
          { name: 'b', 'a-b': 'y' },
          { name: 'a', 'a-b': 'z' },
        ],
      }),
      object({ least: 1, most: 1, rules: [{ name: 'a', 'a-b': 'x' }] }),
      ['spec.rules[1]: Invalid value: failed rule: self.a__dash__b == oldSelf.a__dash__b'],
    ],
    [
      'times are compared as times',
      object({
        least: 1,
        most: 1,
        rules: [{ name: 'a', 'a-b': '', until: '2031-01-01T00:00:00Z' }],
      }),
      undefined,
      [
        'spec.rules[0]: Invalid value: failed rule: !has(self.until) || self.until < timestamp("2030-01-01T00:00:00Z")',
      ],
    ],
    [
      'an optional old value is absent',
      object({ least: 1, most: 1, once: 'x' }),
      fine,
      ['spec.most: Invalid value: 1: failed rule: self >= oldSelf'],
    ],
    [
      'an optional old value is there',
      object({ least: 1, most: 2, once: 'y' }),
      object({ least: 1, most: 2, once: 'x' }),
      ['spec.once: Invalid value: "y": failed rule: !oldSelf.hasValue()'],
    ],
    [
      'a value of a map is wrong',
      object({ least: 1, most: 1, labels: { a: 'long' } }),
      undefined,
      ['spec.labels[a]: Invalid value: "long": failed rule: self.size() < 3'],
    ],
    [
      'what was wrong before has not changed',
      object({ least: 3, most: 2, labels: { a: 'b' } }),
      object({ least: 3, most: 2, labels: { a: 'b' } }),
      [],
    ],
  ];
  test.each(cases)('%s', (_name, value, old, expected) => {
    const errors = validator.validate(value, old, []);
    expect(errors.map(({ field, message }) => `${field}: ${message}`)).toEqual(expected);
  });

  test('are not run on what the schema cannot make sense of', () => {
    const wrong = [
      { type: 'FieldValueRequired', field: 'spec', message: 'Required value' },
    ] as const;
    expect(validator.validate(fine, undefined, wrong)).toEqual([
      {
        type: 'FieldValueInvalid',
        field: '<nil>',
        message:
          'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
      },
    ]);
  });
});
