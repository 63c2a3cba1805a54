import { describe, expect, test } from 'vitest';
import { ApiError } from '#shared/kube/errors.ts';
import { applyJsonPatch, jsonPatchStrictErrors } from '#shared/kube/patch/json-patch.ts';
import { applyMergePatch } from '#shared/kube/patch/merge-patch.ts';

describe('a JSON patch', () => {
  const document = { a: { b: [1, 2, 3] }, 'x/y': { '~': 1 }, n: null };

  test.each([
    ['adds a member', [{ op: 'add', path: '/c', value: 1 }], { ...document, c: 1 }],
    ['appends', [{ op: 'add', path: '/a/b/-', value: 4 }], { ...document, a: { b: [1, 2, 3, 4] } }],
    ['inserts', [{ op: 'add', path: '/a/b/1', value: 9 }], { ...document, a: { b: [1, 9, 2, 3] } }],
    [
      'counts a negative index from the end',
      [{ op: 'remove', path: '/a/b/-1' }],
      { ...document, a: { b: [1, 2] } },
    ],
    [
      'decodes ~1 and ~0',
      [{ op: 'replace', path: '/x~1y/~0', value: 2 }],
      { ...document, 'x/y': { '~': 2 } },
    ],
    [
      'sets an absent member by replace, as upstream does',
      [{ op: 'replace', path: '/c', value: 1 }],
      { ...document, c: 1 },
    ],
    [
      'moves',
      [{ op: 'move', from: '/a/b/0', path: '/a/b/-' }],
      { ...document, a: { b: [2, 3, 1] } },
    ],
    [
      'copies, and changes only one of the copies afterwards',
      [
        { op: 'add', path: '/a/b/-', value: 4 },
        { op: 'copy', from: '/a', path: '/c' },
        { op: 'add', path: '/c/b/-', value: 5 },
      ],
      { ...document, a: { b: [1, 2, 3, 4] }, c: { b: [1, 2, 3, 4, 5] } },
    ],
    [
      'tests null against absent',
      [
        { op: 'test', path: '/n', value: null },
        { op: 'test', path: '/absent', value: null },
        { op: 'test', path: '/a', value: { b: [1, 2, 3] } },
      ],
      document,
    ],
    ['replaces all', [{ op: 'replace', path: '', value: { z: 1 } }], { z: 1 }],
  ])('%s', (_, operations, expected) => {
    const before = structuredClone(document);
    expect(applyJsonPatch(document, operations)).toEqual(expected);
    expect(document).toEqual(before);
  });

  test('shares what it does not touch', () => {
    const patched = applyJsonPatch(document, [{ op: 'add', path: '/x~1y/k', value: 1 }]);
    expect((patched as typeof document).a).toBe(document.a);
  });

  test.each([
    [[{ op: 'replace', path: '/nope/x', value: 1 }], 422],
    [[{ op: 'test', path: '/a', value: 1 }], 422],
    [[{ op: 'bogus', path: '/a' }], 422],
    [[{ path: '/a' }], 422],
    [[{ op: 'add', path: 'a', value: 1 }], 422],
    [[{ op: 'add', path: '/a/b/4', value: 1 }], 422],
    [[{ op: 'add', path: '/a/b/x', value: 1 }], 422],
    [[{ op: 'replace', path: '/a/b/3', value: 1 }], 422],
    [[{ op: 'remove', path: '/c' }], 422],
    [[{ op: 'move', from: '/c', path: '/d' }], 422],
    [[{ op: 'remove', path: '/toString' }], 422],
    [{ a: 1 }, 400],
    [['x'], 400],
    [[{ op: 1 }], 400],
    [Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/n', value: null })), 413],
  ])('%j is refused with %i', (operations, code) => {
    expect(codeOf(() => applyJsonPatch(document, operations))).toBe(code);
  });

  test('that copies without end is refused', () => {
    const operations = Array.from({ length: 40 }, () => ({
      op: 'copy',
      from: '/a',
      path: '/a/b/-',
    }));
    expect(codeOf(() => applyJsonPatch(document, operations))).toBe(422);
  });

  test('is told its unknown members by strict validation', () => {
    expect(jsonPatchStrictErrors([{ op: 'add', foo: 1 }])).toEqual([
      'json patch unknown field "[0].foo"',
    ]);
  });
});

describe('a merge patch', () => {
  test.each([
    [{ a: 1 }, { a: null, b: 2 }, { b: 2 }],
    [{ a: { b: 1, c: 2 } }, { a: { b: null } }, { a: { c: 2 } }],
    [{ a: [1, 2] }, { a: [3] }, { a: [3] }],
    [{}, { a: { b: null, c: [{ d: null }, null] } }, { a: { c: [{}, null] } }],
    [{ a: {} }, { a: [{ d: null }] }, { a: [{ d: null }] }],
    [{ a: 1 }, { a: { b: null } }, { a: {} }],
  ])('of %j with %j gives %j', (document, patch, expected) => {
    expect(applyMergePatch(document, patch)).toEqual(expected);
  });

  test('that changes nothing gives the object itself, else shares the rest', () => {
    const document = { a: { b: [1] }, c: { d: 1 } };
    expect(applyMergePatch(document, { a: { b: [1] }, x: null })).toBe(document);
    expect(applyMergePatch(document, { c: { d: 2 } })['a']).toBe(document.a);
  });

  test('cannot reach a prototype', () => {
    applyMergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}'));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test.each([null, [], 'x', 1])('%j is refused', (patch) => {
    expect(codeOf(() => applyMergePatch({}, patch))).toBe(400);
  });
});

function codeOf(task: () => unknown): number | undefined {
  try {
    task();
  } catch (error) {
    if (ApiError.is(error)) return error.code;
    throw error;
  }
  return undefined;
}
