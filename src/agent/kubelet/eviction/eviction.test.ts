import { describe, expect, test } from 'vitest';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { silentLog } from '#shared/base/log.ts';
import { FakeClock, settle } from '../../../../test/support/fake-clock.ts';
import { container, pod } from '../../../../test/support/kubelet/pods.ts';
import type { Verdict } from '../status/pod-status.ts';
import { Eviction, type EvictionOptions } from './index.ts';
import { evictionMessage } from './message.ts';
import { rankForEviction, type PodUsage } from './ranking.ts';
import {
  defaultThresholds,
  starvedOf,
  type Observation,
  type Signal,
  type StarvedResource,
} from './signals.ts';

const mebi = 1024 * 1024;
const seen = (entries: Partial<Record<Signal, readonly [number, number]>>) =>
  new Map(
    Object.entries(entries).map(([signal, [available, capacity]]): [Signal, Observation] => [
      signal as Signal,
      { available, capacity },
    ]),
  );

describe('what the node is short of', () => {
  test.each<[string, Parameters<typeof seen>[0], readonly string[]]>([
    ['enough of everything', { 'memory.available': [100 * mebi, 1000 * mebi] }, []],
    [
      'too little memory',
      { 'memory.available': [100 * mebi - 1, 1000 * mebi] },
      ['memory.available 104857599 of 100Mi'],
    ],
    [
      'less than a tenth of a disk',
      { 'nodefs.available': [64 * mebi, 1000 * mebi] },
      ['nodefs.available 64Mi of 104857601'],
    ],
    [
      'several things at once, memory first',
      { 'imagefs.inodesFree': [10, 5000], 'memory.available': [0, 1000] },
      ['memory.available 0 of 100Mi', 'imagefs.inodesFree 10 of 250'],
    ],
    ['nothing that has a threshold', { 'pid.available': [0, 100] }, []],
  ])('%s', (_, observed, expected) => {
    const starved = starvedOf(defaultThresholds, seen(observed));
    expect(
      starved.map(({ signal, threshold, available }) => `${signal} ${available} of ${threshold}`),
    ).toEqual(expected);
  });
});

interface Asks {
  readonly memory?: string;
  readonly storage?: string;
  readonly priority?: number;
}

function named(name: string, { memory, storage, priority }: Asks = {}): Pod {
  const requests = { ...(memory && { memory }), ...(storage && { 'ephemeral-storage': storage }) };
  return pod(
    {
      containers: [container('c', { resources: { requests } })],
      ...(priority !== undefined && { priority }),
    },
    { name, uid: name },
  );
}

const uses = (memory: number, disk = 0, inodes = 0): PodUsage => ({
  memory: memory * mebi,
  disk: disk * mebi,
  inodes,
  containers: [{ name: 'c', memory: memory * mebi, disk: disk * mebi }],
});

describe('who goes first', () => {
  test.each<[string, StarvedResource, readonly [Pod, PodUsage | undefined][], string]>([
    [
      'the one that uses more than it asked for, whatever its priority',
      'memory',
      [
        [named('modest', { memory: '1Gi' }), uses(900)],
        [named('greedy', { memory: '10Mi', priority: 1000 }), uses(20)],
      ],
      'greedy modest',
    ],
    [
      'among those the one of lower priority',
      'memory',
      [
        [named('important', { priority: 5 }), uses(500)],
        [named('other'), uses(10)],
      ],
      'other important',
    ],
    [
      'then the one that uses the most beyond that',
      'memory',
      [
        [named('a', { memory: '100Mi' }), uses(150)],
        [named('b', { memory: '10Mi' }), uses(100)],
        [named('c'), uses(70)],
      ],
      'b c a',
    ],
    [
      'one of which nothing is known before all others',
      'memory',
      [
        [named('known'), uses(500)],
        [named('unknown', { priority: 9 }), undefined],
      ],
      'unknown known',
    ],
    [
      'by what they have on the disk',
      'ephemeral-storage',
      [
        [named('small'), uses(900, 1)],
        [named('large', { storage: '1Mi' }), uses(1, 50)],
        [named('within', { storage: '1Gi' }), uses(1, 500)],
      ],
      'large small within',
    ],
    [
      'by their files',
      'inodes',
      [
        [named('few'), uses(1, 1, 2)],
        [named('many'), uses(1, 1, 500)],
      ],
      'many few',
    ],
    [
      'by priority alone where processes run short',
      'pids',
      [
        [named('high', { priority: 2 }), uses(1)],
        [named('low', { priority: 1 }), undefined],
      ],
      'low high',
    ],
  ])('%s', (_, resource, pods, expected) => {
    const usages = new Map(pods);
    const ranked = rankForEviction([...usages.keys()], resource, (one) => usages.get(one));
    expect(ranked.map(({ metadata }) => metadata.name).join(' ')).toBe(expected);
  });
});

describe('what is said', () => {
  const starved = { signal: 'memory.available', threshold: '100Mi', available: '52Mi' } as const;
  const low = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. ';
  test.each<[string, Pod, PodUsage | undefined, string]>([
    ['nothing is known of the pod', named('p'), undefined, low],
    ['it keeps to what it asked for', named('p', { memory: '1Gi' }), uses(900), low],
    [
      'it uses more than it asked for',
      named('p', { memory: '0.5Gi' }),
      uses(600),
      `${low}Container c was using 600Mi, request is 512Mi, has larger consumption of memory. `,
    ],
    [
      'it asked for nothing',
      named('p'),
      uses(2),
      `${low}Container c was using 2Mi, request is 0, has larger consumption of memory. `,
    ],
  ])('%s', (_, one, usage, expected) => {
    expect(evictionMessage(one, 'memory', { starved, usage })).toBe(expected);
  });
});

interface World {
  readonly free: { memory: number; disk: number };
  readonly pods: Pod[];
  readonly evicted: (readonly [string, Verdict])[];
  readonly events: string[];
  readonly clock: FakeClock;
  readonly eviction: Eviction;
  changes: number;
  /** What cleaning up sets free. */
  reclaimable: number;
}

function start(pods: readonly Pod[], hasImageFs = false): World & AsyncDisposable {
  const clock = new FakeClock();
  const world = {
    free: { memory: 500, disk: 500 },
    pods: [...pods],
    evicted: [] as (readonly [string, Verdict])[],
    events: [] as string[],
    clock,
    changes: 0,
    reclaimable: 0,
  };
  const recorder = {
    record: (_: unknown, _type: string, reason: string, message: string) =>
      void world.events.push(`${reason}: ${message}`),
  };
  const settings = { nodeName: 'n', evictionHard: defaultThresholds };
  const eviction = new Eviction({
    context: { clock, log: silentLog, recorder, settings } as unknown as EvictionOptions['context'],
    observe: async () => ({
      hasImageFs,
      observations: seen({
        'memory.available': [world.free.memory * mebi, 1000 * mebi],
        'nodefs.available': [world.free.disk * mebi, 1000 * mebi],
      }),
    }),
    measure: async () => () => undefined,
    reclaimDisk: async () => {
      world.free.disk += world.reclaimable;
      world.reclaimable = 0;
    },
    pods: () => world.pods,
    evict(one, verdict) {
      world.evicted.push([one.metadata.name, verdict]);
      world.pods.splice(world.pods.indexOf(one), 1);
      world.free.memory += 60;
    },
    isCleanedUp: () => true,
    changed: () => void world.changes++,
  });
  eviction.start();
  return Object.assign(world, {
    eviction,
    [Symbol.asyncDispose]: () => eviction[Symbol.asyncDispose](),
  });
}

const names = (world: World): string[] => world.evicted.map(([name]) => name);

test('pods are ended one after the other until there is enough', async () => {
  const critical = named('critical', { priority: 2_000_000_000 });
  await using world = start([critical, named('a'), named('b'), named('c')]);
  await settle();
  world.free.memory = 0;
  await world.clock.advance(10_000);
  expect(names(world)).toEqual(['a', 'b']);
  const message = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 0. ';
  expect(world.evicted[0]?.[1]).toEqual({ reason: 'Evicted', message, isDisruption: true });
  expect(world.events.slice(0, 2)).toEqual([
    'EvictionThresholdMet: Attempting to reclaim memory',
    `Evicted: ${message}`,
  ]);
});

test('a pressure is told at once, and until five minutes after it was last seen', async () => {
  await using world = start([named('a')]);
  await settle();
  expect([world.eviction.pressures, world.changes]).toEqual([[], 0]);
  world.free.memory = 50;
  await world.clock.advance(10_000);
  expect([world.eviction.pressures, world.changes]).toEqual([['MemoryPressure'], 1]);
  await world.clock.advance(290_000);
  expect(world.eviction.pressures).toEqual(['MemoryPressure']);
  await world.clock.advance(20_000);
  expect([world.eviction.pressures, world.changes]).toEqual([[], 2]);
});

test.each([
  ['a full disk is cleaned up before pods go', false, []],
  ['not so if what can be removed lies on another disk', true, ['a']],
] as const)('%s', async (_, hasImageFs, expected) => {
  await using world = start([named('a')], hasImageFs);
  await settle();
  world.free.disk = 50;
  world.reclaimable = 300;
  await world.clock.advance(10_000);
  expect(names(world)).toEqual(expected);
});
