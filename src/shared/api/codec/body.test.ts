import { expect, test } from 'vitest';
import { cannotHandle, kindFault, readBody } from '#shared/api/codec/body.ts';

const expected = { apiVersion: 'apps/v1', kind: 'Deployment' };
const read = (text: string) => readBody(new TextEncoder().encode(text), 'json', expected);

test.each([
  [
    '{bad',
    "the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: invalid character 'b' looking for beginning of object key string ({bad)",
  ],
  [
    '',
    "the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
  ],
  [
    '{"kind":1}',
    'the object provided is unrecognized (must be of type Deployment): couldn\'t get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1})',
  ],
  [
    '{"apiVersion":"a/b/c"}',
    'the object provided is unrecognized (must be of type Deployment): unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c"})',
  ],
])('%j is refused before its type is known', (text, message) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ reason: 'BadRequest', message }));
});

test('a body is what was asked for where it does not say', () => {
  expect(read('null')).toMatchObject(expected);
  expect(read('{"kind":"Other"}')).toMatchObject({ apiVersion: 'apps/v1', kind: 'Other' });
});

test('a refusal names the kind that was given and the one that was wanted', () => {
  expect(cannotHandle({ apiVersion: 'v1', kind: 'Service' }, 'Pod', 'why').message).toBe(
    'Service in version "v1" cannot be handled as a Pod: why',
  );
});

test.each([
  [
    { apiVersion: 'v1', kind: 'Service' },
    'converting (v1.Service) to (core.Pod): unknown conversion',
  ],
  [
    { apiVersion: 'v1', kind: 'Foo' },
    'no kind "Foo" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  ],
])('%j is no Pod', (given, fault) => {
  expect(kindFault(given, { apiVersion: 'v1', kind: 'Pod' })).toBe(fault);
});
