import { expect, test } from 'vitest';
import { Recorder, type NewEvent } from './events.ts';
import type { Clock } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { silentLog } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';

test('What several say of one object in one millisecond has names of its own', async () => {
  let elapsed = 5;
  const clock: Clock = {
    now: () => 1_700_000_000_123,
    elapsed: () => (elapsed += 0.000_5),
    after: () => ({ [Symbol.dispose]() {} }),
  };
  const names: string[] = [];
  const cluster = {
    create(_resource: unknown, event: NewEvent) {
      names.push(event.metadata.name);
      return Promise.resolve(event);
    },
  } as unknown as Cluster;
  const about = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', uid: '1' } };
  await using one = new Recorder({ cluster, clock, log: silentLog, component: 'one' });
  await using other = new Recorder({ cluster, clock, log: silentLog, component: 'other' });
  for (const recorder of [one, other, one, other])
    recorder.record(about, 'Normal', 'Told', String(names.length));
  for (const recorder of [one, other]) recorder.record(about, 'Warning', 'Warned', 'again');
  await expect.poll(() => names.length).toBe(6);
  expect(new Set(names).size).toBe(6);
  expect(names[0]).toMatch(/^web\.[0-9a-f]{16}$/);
});

test('Of a flood a thousand events are written, and one line tells how many were not', async () => {
  const lines: unknown[] = [];
  const log = { ...silentLog, warn: (...line: unknown[]) => void lines.push(line) };
  let written = 0;
  const cluster = { create: async () => void written++ } as unknown as Cluster;
  await using recorder = new Recorder({ cluster, clock: systemClock, log, component: 'one' });
  for (let at = 0; at < 1_500; at++) {
    const about = { apiVersion: 'v1', kind: 'Node', metadata: { name: `n${at}`, uid: `${at}` } };
    recorder.record(about, 'Normal', 'Registered', 'It is here');
  }
  await expect.poll(() => lines.length).toBe(1);
  expect(written).toBe(1_001);
  expect(lines).toEqual([
    ['Events were dropped: too many at once', { component: 'one', count: 499 }],
  ]);
});
