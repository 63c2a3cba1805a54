import { expect, test } from 'vitest';
import { differencesBetween, type StoredState } from './differences.ts';

const state = (revision: number, objects: Readonly<Record<string, unknown>>): StoredState => ({
  revision,
  values: new Map(
    Object.entries(objects).map(([key, value]) => [key, Buffer.from(JSON.stringify(value))]),
  ),
});

const map = (name: string, data: object): object => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { namespace: 'default', name },
  data,
});

test('what has gone, come and changed is named; leases and events are only counted', () => {
  const past = state(5, {
    '/registry/configmaps/default/gone': map('gone', {}),
    '/registry/configmaps/default/same': map('same', { a: '1' }),
    '/registry/configmaps/default/moved': map('moved', { a: '1' }),
    '/registry/leases/kube-node-lease/a': { renewed: 1 },
  });
  const now = state(9, {
    '/registry/configmaps/default/same': map('same', { a: '1' }),
    '/registry/configmaps/default/moved': map('moved', { a: '2' }),
    '/registry/configmaps/default/new': map('new', {}),
    '/registry/leases/kube-node-lease/a': { renewed: 2 },
    '/registry/events/default/b': {},
  });
  const identity = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default' };
  expect(differencesBetween(past, now)).toEqual({
    revisionThen: 5,
    revisionNow: 9,
    differences: [
      { key: '/registry/configmaps/default/gone', change: 'gone', ...identity, name: 'gone' },
      { key: '/registry/configmaps/default/moved', change: 'changed', ...identity, name: 'moved' },
      { key: '/registry/configmaps/default/new', change: 'new', ...identity, name: 'new' },
    ],
    total: 3,
    equal: 1,
    leftOut: 2,
  });
});

test('a value that is no JSON is known by its key', () => {
  const past: StoredState = { revision: 1, values: new Map([['/x', Buffer.from('k8s\0')]]) };
  expect(differencesBetween(past, state(1, {})).differences).toEqual([
    { key: '/x', change: 'gone', apiVersion: '', kind: '', namespace: '', name: '/x' },
  ]);
});
