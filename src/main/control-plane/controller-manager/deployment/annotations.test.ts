import { expect, test } from 'vitest';
import { newSetAnnotations, revisionAnnotation, revisionOf } from './annotations.ts';
import type { Deployment, ReplicaSet } from '#shared/api/types/apps-v1.ts';

const deployment = { metadata: {} } as Deployment;

function setAt(revision: string): ReplicaSet {
  return { metadata: { annotations: { [revisionAnnotation]: revision } } } as unknown as ReplicaSet;
}

test.each([
  ['1', 1n],
  ['3546343826724305833', 3_546_343_826_724_305_833n],
  ['9223372036854775808', 0n],
  ['many', 0n],
])('A revision of %s is %s', (text, expected) => {
  expect(revisionOf(setAt(text))).toBe(expected);
});

test('The revision after a very large one is one more', () => {
  const next = revisionOf(setAt('3546343826724305832')) + 1n;
  const annotations = newSetAnnotations(deployment, {}, next);
  expect(annotations[revisionAnnotation]).toBe('3546343826724305833');
});
