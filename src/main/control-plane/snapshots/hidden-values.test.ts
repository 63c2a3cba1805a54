import { expect, test } from 'vitest';
import { withoutValues } from './hidden-values.ts';

const secret = (data: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'a' },
  data,
});

test('values of a secret stay out, and which of them differ is said', () => {
  const pair = { key: '/x', past: secret({ a: 'MQ==', b: 'Mg==' }), now: secret({ a: 'Mw==' }) };
  expect(withoutValues(pair, { reveal: false })).toEqual({
    past: secret({ a: '(hidden, another value then)', b: '(hidden)' }),
    now: secret({ a: '(hidden, another value now)' }),
    isHidden: true,
  });
  expect(withoutValues(pair, { reveal: true })).toEqual({
    past: pair.past,
    now: pair.now,
    isHidden: false,
  });
});

test('other kinds are shown as they are', () => {
  const past = { apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' } };
  expect(withoutValues({ key: '/x', past }, { reveal: false })).toEqual({ past, isHidden: false });
});

test('what kubectl keeps of an applied secret holds its values, too', () => {
  const key = 'kubectl.kubernetes.io/last-applied-configuration';
  const applied = (text: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'a', annotations: { [key]: text, other: 'x' } },
  });
  const past = applied('{"data":{"a":"MQ=="}}');
  expect(withoutValues({ key: '/x', past }, { reveal: false })).toEqual({
    past: applied('(hidden)'),
    isHidden: true,
  });
});
