import { expect, test } from 'vitest';
import { compactOnce } from '#main/control-plane/apiserver/storage/compactor.ts';
import { openEmbeddedStore } from '#main/control-plane/etcd/embedded-store.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';

test('each round forgets what came before the last one; of two servers one does so', async () => {
  await using store = await openEmbeddedStore({ clock: systemClock, log: silentLog });
  const put = (value: string): Promise<unknown> =>
    store.txn({
      compare: [],
      success: [{ type: 'put', key: 'a', value: Buffer.from(value) }],
      failure: [],
    });
  await put('1');
  const first = await compactOnce(store, { version: 0, revision: 0 });
  expect(first).toEqual({ version: 1, revision: 3 });
  expect((await store.range({ key: 'a', revision: 2 })).kvs).toHaveLength(1);
  await put('2');
  const late = await compactOnce(store, { version: 0, revision: 0 });
  expect(late).toEqual({ version: 1, revision: 4 });
  await compactOnce(store, first);
  await expect(store.range({ key: 'a', revision: 2 })).rejects.toThrow(/compacted/);
  expect((await store.range({ key: 'a', revision: 3 })).kvs).toHaveLength(1);
});
