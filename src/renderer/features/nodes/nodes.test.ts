import { expect, test } from 'vitest';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import type { PodDisruptionBudget } from '#shared/api/types/policy-v1.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { App } from '../../app/connection.ts';
import { drain, type DrainProgress } from './drain.ts';
import { drainPlanOf } from './drain-plan.ts';
import { nodeRowsOf, stateOf } from './node-rows.ts';

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

const pod = (name: string, more: { metadata?: object; spec?: object; phase?: string } = {}): Pod =>
  ({
    metadata: { name, namespace: 'default', uid: `uid of ${name}`, ...more.metadata },
    spec: { nodeName: 'a', ...more.spec },
    status: { phase: more.phase ?? 'Running' },
  }) as unknown as Pod;
const owned = (kind: string, labels: object = {}) => ({
  labels,
  ownerReferences: [{ kind, name: 'x', controller: true }],
});
const budget = (allowed: number): PodDisruptionBudget =>
  ({
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } } },
    status: { disruptionsAllowed: allowed, currentHealthy: 2, desiredHealthy: 2 - allowed },
  }) as unknown as PodDisruptionBudget;

test('a plan tells who stays, who goes for good, and whose budget is too tight', () => {
  const pods = [
    pod('daemon', { metadata: owned('DaemonSet') }),
    pod('static', { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } }),
    pod('web-1', { metadata: owned('ReplicaSet', { app: 'web' }) }),
    pod('web-2', { metadata: owned('ReplicaSet', { app: 'web' }) }),
    pod('alone', { spec: { volumes: [{ name: 'scratch', emptyDir: {} }] } }),
    pod('done', { phase: 'Succeeded' }),
    pod('elsewhere', { spec: { nodeName: 'b' } }),
  ];
  const { leaving, staying, tight } = drainPlanOf('a', pods, [budget(1)]);
  expect(staying).toEqual(['default/daemon', 'default/static']);
  expect(leaving.map(({ key, isAlone, losesData }) => [key, isAlone, losesData])).toEqual([
    ['default/alone', true, true],
    ['default/done', false, false],
    ['default/web-1', false, false],
    ['default/web-2', false, false],
  ]);
  expect(tight).toEqual([{ key: 'default/web', allowed: 1, healthy: 2, needed: 1 }]);
  expect(drainPlanOf('a', pods, [budget(2)]).tight).toEqual([]);
});

test('a drain cordons, evicts, and waits for a budget instead of overruling it', async () => {
  const calls: string[] = [];
  let refusals = 1;
  const request = (input: {
    verb: string;
    name?: string;
    subresource?: string;
  }): Promise<unknown> => {
    calls.push(`${input.verb} ${input.name} ${input.subresource ?? ''}`.trim());
    if (input.subresource === 'eviction' && refusals-- > 0) {
      const causes = [{ type: 'DisruptionBudget' as const, field: '', message: 'web needs 2' }];
      return Promise.reject(new ApiError('TooManyRequests', 'no', { causes }));
    }
    if (input.verb === 'get') return Promise.reject(new ApiError('NotFound', 'gone'));
    return Promise.resolve({});
  };
  const clock = {
    ...systemClock,
    after: (_ms: number, task: () => void) => {
      queueMicrotask(task);
      return { [Symbol.dispose]: () => {} };
    },
  };
  const seen: DrainProgress[] = [];
  const [web] = drainPlanOf('a', [pod('web-1')], []).leaving;
  await drain({ request } as unknown as App, 'a', [web!], {
    clock,
    signal: new AbortController().signal,
    report: (progress) => seen.push(progress),
  });
  expect(calls).toEqual(['patch a', 'create web-1 eviction', 'create web-1 eviction', 'get web-1']);
  expect(seen.map(({ gone, waitsFor }) => [gone, waitsFor])).toEqual([
    [0, ''],
    [0, 'default/web-1: web needs 2'],
    [1, ''],
  ]);
});
