import { expect, test } from 'vitest';
import { namespaces } from '#shared/api/core/namespace.ts';
import type { Clock } from '#shared/base/clock.ts';
import { silentLog as log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Informer } from '#shared/client/informer.ts';

test('A watch that breaks off again and again, but tells something each time, is soon begun anew', async () => {
  const waits: number[] = [];
  const clock: Clock = {
    now: () => 0,
    elapsed: () => 0,
    after(ms, task) {
      waits.push(ms);
      if (waits.length < 20) queueMicrotask(task);
      return { [Symbol.dispose]() {} };
    },
  };
  const cluster = {
    list: async () => ({ items: [], metadata: { resourceVersion: '1' } }),
    async *watch() {
      yield [{ type: 'BOOKMARK', object: { metadata: { resourceVersion: '2' } } }];
      throw new Error('the connection was reset');
    },
  } as unknown as Cluster;
  await using _informer = new Informer({ cluster, resource: namespaces, clock, log });
  await expect.poll(() => waits.length).toBe(20);
  expect(new Set(waits)).toEqual(new Set([200]));
});
