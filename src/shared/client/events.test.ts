import { expect, test } from 'vitest';
import { Recorder, type NewEvent } from './events.ts';
import type { Clock } from '#shared/base/clock.ts';
import { silentLog as log } from '#shared/base/log.ts';
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
  await using one = new Recorder({ cluster, clock, log, component: 'one' });
  await using other = new Recorder({ cluster, clock, log, component: 'other' });
  for (const recorder of [one, other, one, other])
    recorder.record(about, 'Normal', 'Told', String(names.length));
  for (const recorder of [one, other]) recorder.record(about, 'Warning', 'Warned', 'again');
  await expect.poll(() => names.length).toBe(6);
  expect(new Set(names).size).toBe(6);
  expect(names[0]).toMatch(/^web\.[0-9a-f]{16}$/);
});
