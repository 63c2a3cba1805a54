import { expect, test } from 'vitest';
import type { KubeObject } from '#shared/kube/object.ts';
import { kindId, type Kind } from '../../app/kinds.ts';
import { consequencesOf } from './bulk-delete.ts';

const kind = (plural: string, group = ''): Kind => ({
  group,
  version: 'v1',
  kind: plural,
  plural,
  isNamespaced: true,
  shortNames: [],
  verbs: ['list'],
});
const object = (name: string, ...owners: readonly string[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'X',
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    resourceVersion: '1',
    creationTimestamp: '',
    ownerReferences: owners.map((uid) => ({ apiVersion: 'v1', kind: 'X', name: uid, uid })),
  },
});

const deployments = kind('deployments', 'apps');
const kinds = new Map(
  [deployments, kind('replicasets', 'apps'), kind('pods')].map((each) => [kindId(each), each]),
);
const stored: Readonly<Record<string, readonly KubeObject[]>> = {
  'replicasets.apps': [object('web-1', 'web'), object('api-1', 'api')],
  pods: [object('web-1-a', 'web-1'), object('shared', 'web-1', 'other'), object('alone')],
};

test.each([
  [
    'web',
    [
      ['replicasets', 'default/web-1'],
      ['pods', 'default/web-1-a'],
    ],
  ],
  ['api', [['replicasets', 'default/api-1']]],
  ['unknown', []],
])('with %s goes what has no other owner', async (uid, expected) => {
  const found = await consequencesOf(
    { kind: deployments, uids: new Set([uid]) },
    { kinds, list: (each) => Promise.resolve(stored[kindId(each)] ?? []) },
  );
  expect(found.map(({ kind: each, keys }) => [each.plural, ...keys])).toEqual(expected);
});
