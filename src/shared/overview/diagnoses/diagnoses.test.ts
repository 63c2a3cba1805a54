import { expect, test } from 'vitest';
import { problemsIn } from './index.ts';
import type { Facts } from './diagnosis.ts';

const nothing: Facts = {
  nodes: [],
  pods: [],
  deployments: [],
  replicaSets: [],
  claims: [],
  jobs: [],
};

const at = (name: string, owner?: string) => ({
  namespace: 'default',
  name,
  uid: name,
  ...(owner !== undefined && {
    ownerReferences: [{ kind: 'ReplicaSet', uid: owner, controller: true }],
  }),
});
const node = (status: string, message = '') => ({
  metadata: { name: 'n' },
  status: { conditions: [{ type: 'Ready', status, message }] },
});
const unschedulable = {
  metadata: at('api-1-x', 'api-1'),
  spec: {},
  status: {
    conditions: [
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message: '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes …',
      },
    ],
  },
};
const deployment = (available: number, conditions: readonly object[] = []) => ({
  metadata: at('api'),
  spec: { replicas: 2 },
  status: { availableReplicas: available, conditions },
});
const crashing = {
  metadata: at('p'),
  spec: {},
  status: {
    containerStatuses: [
      {
        name: 'main',
        restartCount: 4,
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated: { exitCode: 1, reason: 'Error' } },
      },
    ],
  },
};
const claim = (phase: string) => ({
  metadata: at('data'),
  spec: { storageClassName: 'fast' },
  status: { phase },
});
const claimUser = {
  metadata: at('db'),
  spec: { volumes: [{ persistentVolumeClaim: { claimName: 'data' } }] },
};
const job = (status: string) => ({
  metadata: at('j'),
  status: { conditions: [{ type: 'Failed', status, message: 'Job has reached the limit' }] },
});
const replicaSets = [{ metadata: at('api-1', 'api') }];

test.each<[string, object, readonly string[]]>([
  ['nothing', {}, []],
  ['a ready node', { nodes: [node('True')] }, []],
  ['a node that is not', { nodes: [node('False', 'disk gone')] }, ['n is not ready: disk gone']],
  [
    'a silent node with a pod',
    {
      nodes: [node('Unknown', 'Kubelet stopped')],
      pods: [{ metadata: at('p'), spec: { nodeName: 'n' } }],
    },
    ['n is silent, with 1 pod on it: Kubelet stopped'],
  ],
  ['a deployment that is whole', { deployments: [deployment(2)] }, []],
  ['a rollout under way', { deployments: [deployment(1)], replicaSets }, []],
  [
    'a pod without a node',
    { deployments: [deployment(1)], replicaSets, pods: [unschedulable] },
    [
      'default/api has 1 of 2 replicas: its pod api-1-x cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.',
    ],
  ],
  [
    'a pod of nobody without a node',
    { pods: [{ ...unschedulable, metadata: at('big') }] },
    [
      'default/big has no node: it cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.',
    ],
  ],
  [
    'a rollout that the quota stops',
    {
      deployments: [
        deployment(0, [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' }]),
      ],
    },
    ['default/api has 0 of 2 replicas: exceeded quota'],
  ],
  [
    'a crashing pod',
    { pods: [crashing] },
    ['default/p keeps ending: container main restarted 4 times: it ended with exit code 1 (Error)'],
  ],
  ['a claim that nobody uses', { claims: [claim('Pending')] }, []],
  ['a bound claim', { claims: [claim('Bound')], pods: [claimUser] }, []],
  [
    'a claim that a pod waits for',
    { claims: [claim('Pending')], pods: [claimUser] },
    [
      'default/data has no volume yet: storage class fast has given it none, and 1 pod waits for it',
    ],
  ],
  ['a job that goes on', { jobs: [job('False')] }, []],
  ['a failed job', { jobs: [job('True')] }, ['default/j has failed: Job has reached the limit']],
])('%s', (_name, facts, expected) => {
  const problems = problemsIn({ ...nothing, ...facts });
  expect(problems.map(({ what, why }) => `${what}: ${why}`)).toEqual(expected);
});

test('the most costly comes first, each with somewhere to go', () => {
  const problems = problemsIn({
    ...nothing,
    jobs: [job('True')],
    pods: [unschedulable, crashing],
    deployments: [deployment(1)],
    replicaSets,
    nodes: [node('False')],
  } as unknown as Facts);
  expect(problems.map(({ about, fixes }) => [about, fixes.map(({ object }) => object)])).toEqual([
    ['n', ['n']],
    ['default/api', ['default/api-1-x', 'default/api']],
    ['default/p', ['default/p']],
    ['default/j', ['default/j']],
  ]);
});
