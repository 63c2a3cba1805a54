import { expect, test } from 'vitest';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { silentLog } from '#shared/base/log.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { actions, clusterEvent } from './cluster-events.ts';
import { Nominator } from './nominator.ts';
import type { Plugin } from './plugin.ts';
import { refusal } from './plugin.ts';
import type { Profile } from './profile.ts';
import { SchedulingQueue } from './queue.ts';

const picky: Plugin = {
  name: 'Picky',
  events: [
    { resource: 'Node', action: actions.add, hint: (_pod, _before, after) => after === 'good' },
  ],
};
const gate: Plugin = {
  name: 'Gate',
  events: [{ resource: 'Pod', action: actions.updatePodSchedulingGatesEliminated }],
  preEnqueue: ({ pod }) =>
    pod.spec.schedulingGates?.length
      ? refusal('Gate', 'UnschedulableAndUnresolvable', 'gated')
      : undefined,
};

function createQueue(clock: FakeClock): SchedulingQueue {
  const profile = {
    isBefore: (a, b) =>
      a.pod.priority === b.pod.priority ? a.order < b.order : a.pod.priority > b.pod.priority,
    preEnqueue: [gate],
    interests: new Map([picky, gate].map(({ name, events = [] }) => [name, events])),
  } satisfies Partial<Profile> as unknown as Profile;
  return new SchedulingQueue({
    clock,
    log: silentLog,
    profiles: new Map([['default-scheduler', profile]]),
    nominator: new Nominator(),
    initialMs: 1000,
    maxMs: 10_000,
    onWork: () => {},
  });
}

function pod(name: string, spec: Partial<Pod['spec']> = {}): Pod {
  return {
    metadata: { name, namespace: 'default', uid: name },
    spec: { schedulerName: 'default-scheduler', containers: [], ...spec },
    status: {},
  } as unknown as Pod;
}

const nodeAdd = clusterEvent('Node', 'add');
const refusedByPicky = new Set(['Picky']);

test('more important pods come first, and among equals who waited longer', () => {
  using queue = createQueue(new FakeClock());
  queue.add(pod('first'));
  queue.add(pod('second'));
  queue.add(pod('urgent', { priority: 5 }));
  expect([queue.pop(), queue.pop(), queue.pop(), queue.pop()].map((one) => one?.pod.name)).toEqual([
    'urgent',
    'first',
    'second',
    undefined,
  ]);
});

test('a refused pod waits for the change that its plugin has hopes in', () => {
  using queue = createQueue(new FakeClock());
  queue.add(pod('a'));
  const queued = queue.pop()!;
  queue.putBack(queued, pod('a'), refusedByPicky);
  queue.move(nodeAdd, { after: 'bad' });
  queue.move(clusterEvent('Node', 'updateNodeLabel'), { before: 'bad', after: 'good' });
  expect(queue.pop()).toBeUndefined();
  queue.move(nodeAdd, { after: 'good' });
  expect(queue.pop()).toMatchObject({ attempts: 2, wokenBy: 'PopFromBackoffQ' });
});

test('a backoff is not waited for while there is nothing else to do', async () => {
  const clock = new FakeClock();
  using queue = createQueue(clock);
  queue.add(pod('a'));
  queue.putBack(queue.pop()!, pod('a'), refusedByPicky);
  queue.add(pod('b'));
  queue.move(nodeAdd, { after: 'good' });
  expect(queue.get('default/a')?.queue).toBe('backoff');
  expect(queue.pop()?.pod.name).toBe('b');
  expect(queue.pop()?.pod.name).toBe('a');
});

test('after failures of the scheduler itself the backoff grows from one second to ten', async () => {
  const clock = new FakeClock();
  using queue = createQueue(clock);
  queue.add(pod('a'));
  const waits: number[] = [];
  for (let failure = 0; failure < 6; failure++) {
    queue.putBack(queue.pop()!, pod('a'), new Set());
    const start = clock.now();
    while (queue.get('default/a')?.queue !== 'active') await clock.advance(500);
    waits.push((clock.now() - start) / 1000);
  }
  expect(waits).toEqual([2, 3, 5, 9, 11, 11]);
});

test('what nothing happens for is tried again after five minutes', async () => {
  const clock = new FakeClock();
  using queue = createQueue(clock);
  queue.add(pod('a'));
  queue.putBack(queue.pop()!, pod('a'), refusedByPicky);
  await clock.advance(5 * 60_000);
  expect(queue.pop()).toBeUndefined();
  await clock.advance(30_000);
  expect(queue.pop()?.wokenBy).toBe('UnschedulableTimeout');
});

test('a gated pod stays out until its last gate is gone', () => {
  using queue = createQueue(new FakeClock());
  const gated = pod('a', { schedulingGates: [{ name: 'one' }] });
  queue.add(gated);
  queue.move(nodeAdd, { after: 'good' });
  expect(queue.pop()).toBeUndefined();
  queue.update(gated, pod('a'));
  expect(queue.pop()?.wokenBy).toBe('UnschedulablePodUpdatePodSchedulingGatesEliminated');
});
