import { expect, test } from 'vitest';
import type { Node } from '#shared/api/types/core-v1.ts';
import type { NodeMachine } from '#shared/contract/nodes.ts';
import { tunnelWords } from './machines.ts';
import { nodeRowsOf, stateOf } from './node-rows.ts';
import { applyRemoval, consequencesOf, newRemoving, removedKind } from './removing.ts';

const node = (name: string, conditions: readonly object[], spec: object = {}): Node =>
  ({ metadata: { name, labels: {} }, spec, status: { conditions } }) as unknown as Node;
const ready = { type: 'Ready', status: 'True', message: 'all well' };

test.each([
  [[ready], 'ready', 'good'],
  [[{ type: 'Ready', status: 'False', message: 'no network' }], 'not ready', 'bad'],
  [[{ type: 'Ready', status: 'Unknown' }], 'not heard of', 'unknown'],
  [[ready, { type: 'DiskPressure', status: 'True' }], 'ready, DiskPressure', 'attention'],
  [[], 'unknown', 'unknown'],
])('a node with %j is %s', (conditions, word, tone) => {
  expect(stateOf(node('a', conditions))).toMatchObject({ word, tone });
});

test('what is wrong comes first; every word of a filter counts', () => {
  const nodes = [
    node('node-10', [ready]),
    node('node-9', [ready]),
    node('broken', [{ type: 'Ready', status: 'False' }]),
  ];
  expect(nodeRowsOf(nodes, []).map(({ name }) => name)).toEqual(['broken', 'node-9', 'node-10']);
  expect(nodeRowsOf(nodes, [], 'node ready').map(({ name }) => name)).toEqual([
    'node-9',
    'node-10',
  ]);
});

const machines: readonly NodeMachine[] = [
  { node: 'attic', machine: 'ssh://me@attic:22', tunnel: 'connected' },
  { node: 'here', machine: 'local', tunnel: 'connected' },
];

test.each([
  ['attic', false, 'ssh', /done to ssh:\/\/me@attic:22 .* taken back/],
  ['here', false, 'local', /done to this machine .* taken back/],
  ['pretender', true, 'simulated', /only its object is deleted, there is no machine/],
  ['stranger', false, 'foreign', /its machine is not touched.*registers again/],
])('removing %s says what happens to its machine', (name, isSimulated, kind, words) => {
  const found = removedKind(name, machines, isSimulated);
  expect(found).toBe(kind);
  const machine = machines.find(({ node }) => node === name)?.machine ?? '';
  expect(consequencesOf(found, { machine, isForgotten: false }).join(' ')).toMatch(words);
});

test('a machine that is gone is forgotten and left as it is', () => {
  const words = consequencesOf('ssh', { machine: 'ssh://me@attic:22', isForgotten: true });
  expect(words.join(' ')).toMatch(/^ssh:\/\/me@attic:22 is left as it is, and forgotten/);
});

test('a removal keeps what each step said, and ends', () => {
  const removing = newRemoving('attic');
  applyRemoval(removing, { type: 'question', id: 1, kind: 'secret', text: 'Password: ' });
  expect(removing.question?.text).toBe('Password: ');
  applyRemoval(removing, { type: 'entered' });
  expect(removing.question).toBeUndefined();
  applyRemoval(removing, { type: 'drain', gone: 1, total: 2, waitsFor: 'web needs 2' });
  applyRemoval(removing, { type: 'step', step: 'service', state: 'running', text: '' });
  applyRemoval(removing, { type: 'step', step: 'service', state: 'done', text: '' });
  applyRemoval(removing, { type: 'step', step: 'agent', state: 'running', text: 'files' });
  expect(removing.steps).toEqual([
    { step: 'service', changes: [], state: 'done', output: [] },
    { step: 'agent', changes: [], state: 'running', output: ['files'] },
  ]);
  applyRemoval(removing, { type: 'done' });
  expect(removing.isDone).toBe(true);
});

test.each([
  [{ tunnel: 'connected' }, 'good', '● tunnel connected'],
  [
    { tunnel: 'waiting', why: 'no route' },
    'attention',
    '! no tunnel: no route. It is tried again by itself; pods there go on running.',
  ],
  [
    { tunnel: 'stopped', why: 'its key has changed' },
    'bad',
    '✗ tunnel stopped: its key has changed',
  ],
])('a tunnel that is %j is told in words', (state, tone, text) => {
  expect(tunnelWords({ node: 'a', machine: 'local', ...state })).toEqual({ tone, text });
});
