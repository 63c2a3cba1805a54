import { expect, test } from 'vitest';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { PodDisruptionBudget } from '#shared/api/types/policy-v1.ts';
import { drainPlanOf, drainWarning, unmanagedPods } from '#shared/drain/plan.ts';

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
    pod('ended-daemon', { metadata: owned('DaemonSet'), phase: 'Failed' }),
    pod('static', { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } }),
    pod('web-1', { metadata: owned('ReplicaSet', { app: 'web' }) }),
    pod('web-2', { metadata: owned('ReplicaSet', { app: 'web' }) }),
    pod('alone', { spec: { volumes: [{ name: 'scratch', emptyDir: {} }] } }),
    pod('done', { phase: 'Succeeded' }),
    pod('elsewhere', { spec: { nodeName: 'b' } }),
  ];
  const { leaving, staying, tight } = drainPlanOf('a', pods, [budget(1)]);
  expect(staying).toEqual([
    { key: 'default/daemon', isDaemon: true },
    { key: 'default/static', isDaemon: false },
  ]);
  expect(leaving.map(({ key, isAlone, losesData }) => [key, isAlone, losesData])).toEqual([
    ['default/alone', true, true],
    ['default/done', false, false],
    ['default/ended-daemon', false, false],
    ['default/web-1', false, false],
    ['default/web-2', false, false],
  ]);
  expect(tight).toEqual([{ key: 'default/web', allowed: 1, healthy: 2, needed: 1 }]);
  expect(drainPlanOf('a', pods, [budget(2)]).tight).toEqual([]);
});

test('kubectl’s warnings, and the pods that it refuses to end for good', () => {
  const scratch = { volumes: [{ name: 'scratch', emptyDir: {} }] };
  const plan = drainPlanOf(
    'a',
    [
      pod('daemon', { metadata: owned('DaemonSet') }),
      pod('web-1', { metadata: owned('ReplicaSet'), spec: { nodeName: 'a', ...scratch } }),
      pod('alone'),
    ],
    [],
  );
  expect(unmanagedPods(plan)).toEqual(['default/alone']);
  expect(drainWarning(plan)).toBe(
    'ignoring DaemonSet-managed Pods: default/daemon; deleting Pods with local storage: default/web-1; deleting Pods that declare no controller: default/alone',
  );
  expect(drainWarning(drainPlanOf('a', [], []))).toBe('');
});
