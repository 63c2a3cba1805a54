import { expect, test } from 'vitest';
import type { QueueEntry, SchedulingAttempt } from '#shared/contract/scheduling.ts';
import { countdown, lanesOf } from './lanes.ts';
import { gridOf, runnerUp } from './grid.ts';
import { verdictOf, type JudgedPod } from './verdict.ts';

const entry = (pod: string, rest: Partial<QueueEntry> = {}): QueueEntry => ({
  pod,
  queue: 'unschedulable',
  since: 0,
  attempts: 1,
  refusedBy: [],
  gatedBy: '',
  backoffUntil: 0,
  ...rest,
});

test('pods wait in their lane, grouped by what refused them', () => {
  const lanes = lanesOf([
    entry('a', { refusedBy: ['TaintToleration'] }),
    entry('b', { refusedBy: ['NodeResourcesFit'], since: 2 }),
    entry('c', { refusedBy: ['NodeResourcesFit'], since: 1 }),
    entry('d', { queue: 'in flight' }),
    entry('e', { queue: 'backoff', backoffUntil: 9 }),
    entry('f', { queue: 'backoff', backoffUntil: 5 }),
    entry('g', { gatedBy: 'SchedulingGates', refusedBy: ['SchedulingGates'] }),
  ]);
  const names = (pods: readonly QueueEntry[]): string => pods.map(({ pod }) => pod).join('');
  expect([names(lanes.active), names(lanes.backoff)]).toEqual(['d', 'fe']);
  expect(lanes.unschedulable.map(({ reason, pods }) => [reason, names(pods)])).toEqual([
    ['not enough resources on any node', 'cb'],
    ['taints that it does not tolerate', 'a'],
  ]);
  expect(lanes.gated).toMatchObject([{ wokenBy: 'its scheduling gates are removed' }]);
});

test.each([
  [0, '–'],
  [1_500, '1 s'],
  [900, 'now'],
  [12_001, '12 s'],
])('a backoff until %d counts down to %s', (until, text) => {
  expect(countdown(until, 1_000)).toBe(text);
});

const base: SchedulingAttempt = {
  pod: { namespace: 'default', name: 'api', uid: 'u' },
  at: 0,
  tookMs: 1,
  attempt: 1,
  wokenBy: 'PodAdd',
  result: 'Unschedulable',
  refused: {},
  feasible: [],
  scores: [],
  totals: [],
};
const placed: SchedulingAttempt = {
  ...base,
  result: 'Scheduled',
  node: 'b',
  feasible: ['a', 'b'],
  scores: [{ plugin: 'TaintToleration', weight: 3, raw: [1, 0], normalized: [0, 100] }],
  totals: [297, 300],
  refused: {
    c: { plugin: 'NodeAffinity', reasons: ['no match'], isResolvable: false },
    d: {
      plugin: 'NodeAffinity',
      reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"],
      isResolvable: false,
    },
  },
};

test('the grid shows the winner first and how far each node came', () => {
  const { rows } = gridOf(placed);
  const marks = rows.map(({ node, filters, total }) => [
    node,
    filters
      .slice(0, 5)
      .map(({ text }) => text)
      .join(''),
    total,
  ]);
  expect(marks).toEqual([
    ['b', '✓✓✓✓✓', 300],
    ['a', '✓✓✓✓✓', 297],
    ['c', '✓✓✓✗–', undefined],
    ['d', '–––✗–', undefined],
  ]);
  expect(rows[0]!.scores[0]!.says).toBe('TaintToleration: 100 of 100 (raw 0) × weight 3 = 300');
});

test.each([
  [placed, 'second best was a, 3 points behind'],
  [{ ...placed, totals: [299, 300] }, 'second best was a, 1 point behind'],
  [{ ...placed, totals: [300, 300] }, 'a had as many points; one of them was drawn'],
  [{ ...placed, feasible: ['b'], totals: [300] }, undefined],
  [base, undefined],
])('the runner-up in words', (attempt, text) => {
  expect(runnerUp(attempt)).toBe(text);
});

const asking = (cpu: string, nodeName?: string): JudgedPod => ({
  spec: {
    containers: [{ name: 'a', resources: { requests: { cpu } } }],
    ...(nodeName !== undefined && { nodeName }),
  },
});
const node = (name: string, taints: JudgedTaints = []) => ({
  metadata: { name },
  spec: { taints },
  status: { allocatable: { cpu: '2' } },
});
type JudgedTaints = readonly { key: string; value?: string; effect: string }[];

test('a refusal names what is lacking, how much is free and what would help', () => {
  const attempt: SchedulingAttempt = {
    ...base,
    message: '0/3 nodes are available: …',
    refused: {
      a: {
        plugin: 'TaintToleration',
        reasons: ['node(s) had untolerated taint(s)'],
        isResolvable: false,
      },
      b: { plugin: 'NodeResourcesFit', reasons: ['Insufficient cpu'], isResolvable: true },
      c: { plugin: 'NodeResourcesFit', reasons: ['Insufficient cpu'], isResolvable: true },
    },
  };
  const nodes = [
    node('a', [{ key: 'gpu', value: 'only', effect: 'NoSchedule' }]),
    node('b'),
    node('c'),
  ];
  const verdict = verdictOf(attempt, {
    pod: asking('2'),
    nodes: new Map(nodes.map((each) => [each.metadata.name, each])),
    pods: [asking('600m', 'b'), asking('1400m', 'c')],
  });
  expect(verdict).toEqual({
    isPlaced: false,
    headline: 'no node of 3.',
    reasons: ['2 lack cpu (asks 2, free 1.4 and 600m)', '1 has taint gpu=only:NoSchedule'],
    wouldHelp: [
      'free 600m cpu on b',
      'a node with 2 cpu or more free',
      'tolerate gpu=only:NoSchedule',
    ],
  });
});
