import { expect, test } from 'vitest';
import { startScheduler, type RunningScheduler } from '#main/control-plane/scheduler/index.ts';
import { silentLog } from '#shared/base/log.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { expand, type Short } from './objects.ts';
import { fakeStage, type Stage } from './player.ts';

async function start(objects: readonly (readonly [kind: string, short: Short])[]): Promise<{
  stage: Stage;
  scheduler: RunningScheduler;
}> {
  const stage = fakeStage();
  for (const [kind, short] of objects)
    await stage.create(kind, expand(kind, short, { asStored: true }));
  const { cluster } = stage;
  const clock = new FakeClock();
  const scheduler = startScheduler({ cluster, clock, log: silentLog, recordEvent: () => {} });
  await stage.settle();
  await scheduler.ready;
  await stage.settle();
  return { stage, scheduler };
}

const small = { cpu: '1', pods: '10' };

test('a record says who refused which node, how the others scored and what woke the pod', async () => {
  const { scheduler } = await start([
    ['nodes', { n: 'full', alloc: { ...small, cpu: '100m' } }],
    ['nodes', { n: 'free', alloc: small }],
    ['nodes', { n: 'freer', alloc: { ...small, cpu: '2' } }],
    ['pods', { n: 'p1', req: { cpu: '500m' } }],
  ]);
  await using _stop = scheduler;
  const { status, body } = scheduler.handle({
    method: 'GET',
    path: '/records',
    query: { pod: 'ns-a/p1' },
  });
  expect({ status, body }).toMatchObject({
    status: 200,
    body: [
      {
        pod: { namespace: 'ns-a', name: 'p1' },
        schedulerName: 'default-scheduler',
        attempt: 1,
        wokenBy: 'UnschedulablePodAdd',
        result: 'Scheduled',
        node: 'freer',
        refused: {
          full: { plugin: 'NodeResourcesFit', reasons: ['Insufficient cpu'], isResolvable: false },
        },
        feasible: ['free', 'freer'],
      },
    ],
  });
  expect(scheduler.records('ns-a/p1')[0]?.scores.map(({ plugin }) => plugin)).toContain(
    'NodeResourcesFit',
  );
  expect(JSON.parse(JSON.stringify(body))).toEqual(body);
});

test('a drain is simulated on a copy: pods move in the copy only, those of DaemonSets stay', async () => {
  const { stage, scheduler } = await start([
    ['nodes', { n: 'n1', alloc: small }],
    ['nodes', { n: 'n2', alloc: small }],
    ['pods', { n: 'big', node: 'n1', req: { cpu: '800m' } }],
    ['pods', { n: 'small', node: 'n1', req: { cpu: '100m' } }],
    ['pods', { n: 'other', node: 'n2', req: { cpu: '300m' } }],
    ['pods', { n: 'daemon', node: 'n1', owner: 'ds/daemon' }],
  ]);
  await using _stop = scheduler;
  const { attempts } = scheduler.simulate({ drainNodes: ['n1'] });
  expect(Object.fromEntries(attempts.map(({ pod, result }) => [pod.name, result]))).toEqual({
    big: 'Unschedulable',
    small: 'Scheduled',
  });
  const node = { metadata: { name: 'n3' }, status: { allocatable: { cpu: '4', pods: '10' } } };
  const grown = scheduler.handle({
    method: 'POST',
    path: '/simulate',
    body: { drainNodes: ['n1'], addNodes: [node] },
  });
  expect(grown).toMatchObject({ status: 200, body: { attempts: [{}, {}] } });
  expect((await stage.all('pods')).length).toBe(4);
  expect(
    scheduler.handle({ method: 'POST', path: '/simulate', body: { drainNodes: ['x'] } }),
  ).toEqual({
    status: 400,
    body: { message: 'There is no node x' },
  });
});

test('the queues tell who waits where and why', async () => {
  const { scheduler } = await start([
    ['nodes', { n: 'n1', alloc: small }],
    ['pods', { n: 'p1', req: { cpu: '5' } }],
    ['pods', { n: 'p2', spec: { schedulingGates: [{ name: 'wait' }] } }],
  ]);
  await using _stop = scheduler;
  expect(scheduler.handle({ method: 'GET', path: '/queues' }).body).toMatchObject({
    depths: { active: 0, backoff: 0, unschedulable: 2, 'in flight': 0 },
    pods: [
      { pod: 'ns-a/p1', refusedBy: ['NodeResourcesFit'], attempts: 1 },
      { pod: 'ns-a/p2', gatedBy: 'SchedulingGates', attempts: 0 },
    ],
  });
});
