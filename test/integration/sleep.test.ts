import { expect, test } from 'vitest';
import { deployments } from '#shared/api/apps/deployment.ts';
import { cronJobs } from '#shared/api/batch/cron-job.ts';
import { jobs } from '#shared/api/batch/job.ts';
import { events } from '#shared/api/core/event.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Machine, Machines } from '#shared/kube/machines.ts';
import { startTimedCluster, type TimedCluster } from '../support/timed-cluster.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const namespace = 'default';
const containers = [{ name: 'c', image: 'registry.example/c:1', resources: {} }];

/** The control plane's machine sleeps; nodes, if any, do not. */
function sleep({ host, clock }: TimedCluster, ms: number, how: 'told' | 'noticed'): void {
  if (how === 'told') clock.pause();
  host.sleep(ms, { isCounted: how === 'noticed' });
  if (how === 'told') clock.resume();
}

function job(name: string, spec: object, annotations: object = {}) {
  const template = {
    metadata: { annotations: { ...annotations } },
    spec: { containers, restartPolicy: 'Never' },
  };
  return { metadata: { name, namespace }, spec: { template, ...spec } };
}

async function readyOf({ admin }: TimedCluster): Promise<Readonly<Record<string, string>>> {
  const { items } = await admin.list(nodes);
  return Object.fromEntries(
    items.map(({ metadata, status, spec }) => {
      const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'none';
      const taints = (spec.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
      return [metadata.name, [ready, ...taints.map(({ key }) => key)].join(' ')];
    }),
  );
}

async function reasonsOf({ admin }: TimedCluster, kind: string): Promise<string[]> {
  const { items } = await admin.list(events);
  const own = items.filter(({ involvedObject }) => involvedObject.kind === kind);
  return [...new Set(own.map(({ reason }) => reason ?? ''))].toSorted();
}

test.each(['told', 'noticed'] as const)(
  'an hour of sleep, %s: nothing has aged afterwards, and what comes by the wall comes',
  async (how) => {
    await using cluster = await startTimedCluster({ simulatedNodes: 2 });
    const { admin, host, store } = cluster;
    const metadata = { name: 'web', namespace };
    const labels = { app: 'web' };
    await admin.create(deployments, {
      metadata,
      spec: {
        replicas: 3,
        strategy: {},
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      },
    });
    await admin.create(jobs, job('limited', { activeDeadlineSeconds: 300 }));
    const exit = { 'pilothouse.dev/exit-after': '1s' };
    await admin.create(jobs, job('kept', { ttlSecondsAfterFinished: 300 }, exit));
    const schedule = { schedule: '*/10 * * * *', concurrencyPolicy: 'Allow' };
    for (const [name, more] of [
      ['late', {}],
      ['punctual', { startingDeadlineSeconds: 60 }],
    ] as const)
      await admin.create(cronJobs, {
        metadata: { name, namespace },
        spec: { ...schedule, ...more, jobTemplate: { metadata: {}, spec: job('', {}, exit).spec } },
      });
    await store.grantLease(120, 7n);
    await host.advance(minute);
    const before = (await admin.list(pods, { labelSelector: 'app=web' })).items;
    expect(before.map(({ status }) => status.phase)).toEqual(Array(3).fill('Running'));

    sleep(cluster, hour + 2 * minute, how); // until 11:03, so that 11:00 is too late for one
    await host.advance(10 * second);

    expect(await readyOf(cluster)).toEqual({ 'simulated-1': 'True', 'simulated-2': 'True' });
    const after = (await admin.list(pods, { labelSelector: 'app=web' })).items;
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(
      before.map(({ metadata }) => metadata.uid),
    );
    const names = (await admin.list(jobs)).items.map(({ metadata }) => metadata.name);
    const minutes = Date.UTC(2026, 0, 5, 11) / minute;
    expect(names.toSorted()).toEqual(['kept', `late-${minutes}`, 'limited']);
    expect(await reasonsOf(cluster, 'CronJob')).toEqual([
      'MissedWhileAsleep',
      'SawCompletedJob',
      'SuccessfulCreate',
    ]);
    const messages = (await admin.list(events)).items
      .filter(({ reason }) => reason === 'MissedWhileAsleep')
      .map(({ involvedObject, message }) => `${involvedObject.name}: ${message}`);
    expect(messages.toSorted()).toEqual([
      expect.stringMatching(/^late: 6 start times were missed while the control plane slept from /),
      expect.stringMatching(/^punctual: 6 start times were missed /),
    ]);
    const lease = await store.leaseTimeToLive(7n);
    expect(lease.remainingSeconds).toBeGreaterThan(30);

    await host.advance(4.5 * minute);
    const left = (await admin.list(jobs)).items;
    const conditions = Object.fromEntries(
      left.map(({ metadata, status }) => [
        metadata.name,
        status.conditions?.findLast(({ status }) => status === 'True')?.reason,
      ]),
    );
    // Five minutes awake in all, and the nodes' chance to report: one is over its deadline, the other gone.
    expect(conditions).toMatchObject({ limited: 'DeadlineExceeded' });
    expect(conditions).not.toHaveProperty('kept');
    expect(await store.leaseTimeToLive(7n)).toMatchObject({ remainingSeconds: -1 });
  },
);

test('nodes that take their time to come back after a sleep are not called silent; those that do not come are', async () => {
  await using cluster = await startTimedCluster({ simulatedNodes: 1 });
  const { host } = cluster;
  for (const name of ['prompt', 'slow', 'lost']) await cluster.addNode(name);
  await host.advance(minute / 2);
  expect(await readyOf(cluster)).toMatchObject({ prompt: 'True', slow: 'True', lost: 'True' });

  sleep(cluster, 8 * hour, 'noticed');
  await host.advance(20 * second);
  await cluster.renewLease('prompt');
  await host.advance(38 * second);
  await cluster.renewLease('slow', 0); // its clock has lost the date
  await cluster.renewLease('prompt');
  expect(await readyOf(cluster)).toMatchObject({ prompt: 'True', slow: 'True', lost: 'True' });

  for (let waited = 0; waited < 12; waited++) {
    await host.advance(10 * second);
    await cluster.renewLease('prompt');
    await cluster.renewLease('slow', waited);
  }
  expect(await readyOf(cluster)).toEqual({
    'simulated-1': 'True',
    prompt: 'True',
    slow: 'True',
    lost: 'Unknown node.kubernetes.io/unreachable',
  });
});

/** One machine whose way to us a test opens and closes. */
function oneMachine(name: string, connectedSince: () => number | undefined): Machines {
  return {
    find: (wanted) => {
      if (wanted !== name) return undefined;
      const since = connectedSince();
      const machine: Machine = { name, id: '1', addresses: [], state: 'running' };
      return since === undefined ? machine : { ...machine, connectedSince: since };
    },
    subscribe: () => ({ [Symbol.dispose]() {} }),
  };
}

test.each([
  ['is back after two minutes: it has one minute more', 120, 180],
  ['does not come back: five minutes', undefined, 300],
])('a machine whose tunnel %s', async (_, backAfter, heldFor) => {
  let connectedSince: number | undefined = 0;
  const machines = oneMachine('far', () => connectedSince);
  await using cluster = await startTimedCluster({ simulatedNodes: 1, machines });
  const { host, clock } = cluster;
  await cluster.addNode('far');
  await host.advance(minute / 2);
  connectedSince = undefined;
  sleep(cluster, hour, 'told');
  if (backAfter === undefined) await host.advance((heldFor - 6) * second);
  else {
    await host.advance(backAfter * second);
    connectedSince = clock.elapsed();
    await host.advance((heldFor - backAfter - 6) * second);
  }
  expect([clock.pauses.isHeld, (await readyOf(cluster))['far']]).toEqual([true, 'True']);
  await host.advance(12 * second);
  expect([clock.pauses.isHeld, (await readyOf(cluster))['far']]).toEqual([false, 'True']);
  await host.advance(70 * second);
  expect((await readyOf(cluster))['far']).toBe('Unknown node.kubernetes.io/unreachable');
});

test('pods of a silent node keep what they had left of their toleration over a sleep', async () => {
  await using cluster = await startTimedCluster({ simulatedNodes: 1 });
  const { admin, host } = cluster;
  await cluster.addNode('lost');
  const metadata = { name: 'patient', namespace };
  await admin.create(pods, { metadata, spec: { containers, nodeName: 'lost' } });
  await host.advance(70 * second); // silent for 50 s, tolerated for 300 s from then on
  expect((await readyOf(cluster))['lost']).toContain('unreachable');
  await host.advance(2 * minute);
  sleep(cluster, 8 * hour, 'noticed');
  await host.advance(2 * minute);
  const pod = await admin.get(pods, metadata);
  expect(pod.metadata.deletionTimestamp).toBeUndefined();
  await host.advance(90 * second);
  const later = await admin.get(pods, metadata);
  expect(later.metadata.deletionTimestamp).toBeDefined();
});
