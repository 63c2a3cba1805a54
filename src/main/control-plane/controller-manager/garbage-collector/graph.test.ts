import { expect, test } from 'vitest';
import { pods } from '#shared/api/core/pod.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { Graph } from './graph.ts';

test('Whether dependents still hold their owner is seen from the first of them', () => {
  const count = 5_000;
  const graph = new Graph();
  let looks = 0;
  const ownerReferences = [{ uid: 'owner', blockOwnerDeletion: true }];
  const dependents = Array.from({ length: count }, (_, at) => {
    const metadata = { name: `${at}`, uid: `${at}` };
    Object.defineProperty(metadata, 'ownerReferences', {
      get: () => (looks++, ownerReferences),
    });
    return { metadata } as unknown as KubeObject;
  });
  for (const one of dependents) graph.put(pods, one);
  expect(graph.hasBlockingDependents('owner')).toBe(true);
  looks = 0;
  for (const one of dependents) {
    expect(graph.hasBlockingDependents('owner')).toBe(true);
    graph.remove(one);
  }
  expect(graph.hasBlockingDependents('owner')).toBe(false);
  expect(looks).toBe(2 * count);
});
