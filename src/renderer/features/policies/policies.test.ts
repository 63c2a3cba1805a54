import { expect, test } from 'vitest';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { NetworkPolicy } from '#shared/api/types/networking-v1.ts';
import { createPolicyModel, evaluateIn, meaningOf } from '#shared/policy/index.ts';
import { draftOf, newPolicyText } from './draft.ts';
import { drawingOf } from './edges.ts';
import { effectOf } from './effect.ts';
import { endOf } from './ends.ts';
import { arrowBetween } from './geometry.ts';
import { groupByPod, groupsOf } from './groups.ts';
import { matrixOf } from './matrix.ts';
import { verdictWords } from './words.ts';

const pod = (name: string, labels: Readonly<Record<string, string>>, namespace = 'default'): Pod =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: { containers: [{ name: 'main', ports: [{ containerPort: 80 }] }] },
    status: { phase: 'Running' },
  }) as unknown as Pod;

const policy = (name: string, spec: object): NetworkPolicy =>
  ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: 'default' },
    spec,
  }) as unknown as NetworkPolicy;

const pods = [
  pod('web-1', { app: 'web', 'pod-template-hash': 'a' }),
  pod('web-2', { app: 'web', 'pod-template-hash': 'b' }),
  pod('db-0', { app: 'db' }),
  pod('probe', { app: 'probe' }, 'other'),
];
const deny = policy('default-deny', { podSelector: {}, policyTypes: ['Ingress'] });
const allow = policy('allow-web', {
  podSelector: { matchLabels: { app: 'db' } },
  ingress: [
    { from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 5432 }] },
    { from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] },
  ],
});
const namespaces = ['default', 'other'].map(
  (name) => ({ metadata: { name, labels: {} } }) as never,
);
const world = { pods, namespaces, policies: [deny, allow] };
const model = createPolicyModel(world);
const groups = groupsOf(pods);

test('pods that differ only in what controllers write are one group', () => {
  expect(groups.map(({ id, labels, pods }) => [id, labels, pods.length])).toEqual([
    ['default/db', 'app=db', 1],
    ['default/web', 'app=web', 2],
    ['other/probe', 'app=probe', 1],
  ]);
});

test('a verdict names the policy and the rule, or what did not match', () => {
  const [web, , db, probe] = pods as [Pod, Pod, Pod, Pod];
  const ask = (from: Pod, port: number) =>
    evaluateIn(model, { from: { pod: from }, to: { pod: db }, port, protocol: 'TCP' });
  expect(verdictWords(ask(web, 5432).ingress, 'ingress')).toEqual({
    isAllowed: true,
    word: 'allowed',
    why: 'by allow-web, ingress rule 1',
    details: [],
    policies: [{ namespace: 'default', name: 'allow-web' }],
  });
  expect(verdictWords(ask(web, 80).ingress, 'ingress')).toMatchObject({
    word: 'denied',
    why: 'selected by allow-web and default-deny, no rule matches',
    details: [
      'allow-web, ingress rule 1 does not match the port',
      'allow-web, ingress rule 2 does not match where it comes from',
    ],
  });
  expect(verdictWords(ask(probe, 80).egress, 'egress').why).toBe(
    'no policy is about what is leaving here',
  );
});

test('a policy draws whom it selects and what it opens', () => {
  expect(drawingOf(meaningOf(model, allow), groupByPod(groups))).toEqual({
    selected: new Set(['default/db']),
    edges: [
      { from: 'default/web', to: 'default/db', text: 'TCP 5432', tone: 'good' },
      { from: 'outside 192.0.2.0/24', to: 'default/db', text: 'every port', tone: 'good' },
    ],
    extra: ['outside 192.0.2.0/24'],
  });
});

test('an edit says by name what it opens and closes', () => {
  const edited = policy('allow-web', {
    podSelector: { matchLabels: { app: 'db' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 80 }] }],
  });
  const lines = effectOf(world, groups, { edited, original: 'default/allow-web' });
  expect(lines).toContainEqual({
    from: 'default/web',
    to: 'default/db',
    change: 'opens',
    ports: 'TCP 80',
  });
  expect(lines).toContainEqual({
    from: 'default/web',
    to: 'default/db',
    change: 'closes',
    ports: 'TCP 5432',
  });
  expect(
    lines.filter(({ from }) => from.startsWith('192.0.2.')).map(({ change }) => change),
  ).toEqual(expect.arrayContaining(['closes']));
});

test('a matrix asks for every pair', () => {
  const cells = matrixOf(model, groups, { port: 5432, protocol: 'TCP' });
  // From db, web, probe (rows) to each of them.
  expect([...cells]).toEqual([1, 0, 1, 1, 0, 1, 0, 0, 1]);
});

test.each([
  ['', 'none'],
  ['default/web', 'known'],
  ['default/db-0', 'known'],
  ['192.0.2.7', 'known'],
  ['default/nobody', 'unknown'],
])('“%s” as a side is %s', (text, type) => {
  const byKey = new Map(pods.map((one) => [`${one.metadata.namespace}/${one.metadata.name}`, one]));
  expect(endOf(text, groups, byKey).type).toBe(type);
});

test.each([
  ['a: [', 'Flow sequence'],
  ['kind: Pod', 'It should be a NetworkPolicy'],
  [newPolicyText.replace('  name: default-deny\n', ''), 'It has no metadata.name'],
])('a text that is no policy says why', (text, why) => {
  expect(draftOf(text).problem).toContain(why);
  expect(draftOf(newPolicyText).policy?.metadata.name).toBe('default-deny');
});

test('an arrow leaves where the other box is', () => {
  const box = (x: number, y: number) => ({ x, y, width: 100, height: 20 });
  expect(arrowBetween(box(0, 0), box(300, 40)).path).toMatch(/^M100,10 .* 300,50$/);
  expect(arrowBetween(box(300, 0), box(0, 0)).path).toMatch(/^M300,10 .* 100,10$/);
  expect(arrowBetween(box(0, 0), box(0, 60)).path).toMatch(/^M100,10 .* 100,70$/);
});
