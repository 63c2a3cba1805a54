import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startTestCluster } from '../support/cluster.ts';
import { startRealEtcd } from '../support/etcd.ts';
import { openRemoteStore } from '#main/control-plane/etcd/remote-store.ts';
import { configMaps } from '#shared/api/core/config-map.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';

test('The server runs on a real etcd unchanged, and sees what others write there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilothouse-etcd-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const etcd = stack.use(await startRealEtcd(folder));
  const options = { clock: systemClock, log: silentLog };
  const store = stack.use(
    await openRemoteStore({ endpoints: [`http://${etcd.endpoint}`], ...options }),
  );
  const first = stack.use(await startTestCluster({ store }));
  const second = stack.use(await startTestCluster({ store, namespaces: [] }));
  const key = { namespace: 'default', name: 'a' };
  const made = await first.admin.create(configMaps, { metadata: key, data: { k: '1' } });
  expect(await first.admin.get(configMaps, key)).toEqual(made);
  await expect
    .poll(() =>
      second.admin.get(configMaps, key).then(
        ({ data }) => data,
        () => undefined,
      ),
    )
    .toEqual({ k: '1' });
  const changed = await second.admin.update(configMaps, { ...made, data: { k: '2' } });
  await expect(first.admin.update(configMaps, { ...made, data: { k: '3' } })).rejects.toMatchObject(
    {
      reason: 'Conflict',
    },
  );
  await store.txn({ success: [{ type: 'put', key: '/elsewhere', value: Buffer.from('x') }] });
  const list = await first.admin.list(configMaps, { namespace: 'default' });
  expect(list.items).toEqual([changed]);
  expect(Number(list.metadata.resourceVersion)).toBeGreaterThan(
    Number(changed.metadata.resourceVersion),
  );
  await first.admin.delete(configMaps, key);
  await expect(first.admin.get(configMaps, key)).rejects.toMatchObject({ reason: 'NotFound' });
});
