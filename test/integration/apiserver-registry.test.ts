import { expect, test } from 'vitest';
import { startTestCluster } from '../support/cluster.ts';
import { configMaps } from '#shared/api/core/config-map.ts';
import { pods } from '#shared/api/core/pod.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import type { WatchEvent } from '#shared/client/transport.ts';
import { patchTypes } from '#shared/client/transport.ts';

const metadata = { namespace: 'default', name: 'a' };

test('A created object gets its identity, and reads give the very same object', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  const created = await admin.create(configMaps, { metadata, data: { k: 'v' } });
  expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
  expect(created.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(await admin.get(configMaps, metadata)).toBe(created);
  await expect(admin.create(configMaps, { metadata })).rejects.toMatchObject({
    reason: 'AlreadyExists',
    message: 'configmaps "a" already exists',
  });
});

test('Of two updates from the same revision the second is refused', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  const first = await admin.create(configMaps, { metadata, data: { k: '1' } });
  const second = await admin.update(configMaps, { ...first, data: { k: '2' } });
  expect(Number(second.metadata.resourceVersion)).toBeGreaterThan(
    Number(first.metadata.resourceVersion),
  );
  await expect(admin.update(configMaps, { ...first, data: { k: '3' } })).rejects.toMatchObject({
    reason: 'Conflict',
    code: 409,
  });
  const again = await admin.update(configMaps, { ...second });
  expect(again).toBe(second);
});

test('A watch tells of everything after its revision, and of objects that enter and leave', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  const list = await admin.list(configMaps, { namespace: 'default' });
  const stop = new AbortController();
  const seen: string[] = [];
  const done = Promise.withResolvers<void>();
  const follow = async (): Promise<void> => {
    const events = admin.watch(configMaps, {
      namespace: 'default',
      labelSelector: 'app=x',
      resourceVersion: list.metadata.resourceVersion ?? '',
      signal: stop.signal,
    });
    for await (const batch of events) {
      for (const event of batch as readonly WatchEvent[]) {
        if (event.type === 'ERROR') throw new Error(event.object.message);
        seen.push(`${event.type} ${event.object.metadata.name}`);
      }
      if (seen.length === 4) done.resolve();
    }
  };
  const following = follow().catch((error: unknown) => {
    if (!stop.signal.aborted) done.reject(error);
  });
  const one = await admin.create(configMaps, { metadata: { ...metadata, labels: { app: 'x' } } });
  const two = await admin.update(configMaps, { ...one, data: { changed: 'yes' } });
  await admin.update(configMaps, { ...two, metadata: { ...two.metadata, labels: {} } });
  await admin.create(configMaps, { metadata: { namespace: 'default', name: 'b' } });
  await admin.create(configMaps, {
    metadata: { namespace: 'default', name: 'c', labels: { app: 'x' } },
  });
  await done.promise;
  stop.abort();
  await following;
  expect(seen).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED c']);
});

test('A long list comes in pages that show one moment', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  for (let i = 0; i < 7; i++) {
    await admin.create(configMaps, { metadata: { namespace: 'default', name: `c${i}` } });
  }
  const first = await admin.list(configMaps, { namespace: 'default', limit: 3 });
  expect(first.items.map((item) => item.metadata.name)).toEqual(['c0', 'c1', 'c2']);
  expect(first.metadata).toMatchObject({ remainingItemCount: 4 });
  await admin.delete(configMaps, { namespace: 'default', name: 'c4' });
  await admin.create(configMaps, { metadata: { namespace: 'default', name: 'c45' } });
  const second = await admin.list(configMaps, {
    namespace: 'default',
    limit: 10,
    continue: first.metadata.continue ?? '',
  });
  expect(second.items.map((item) => item.metadata.name)).toEqual(['c3', 'c4', 'c5', 'c6']);
  expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
});

test('Finalizers keep a deleted object until the last one goes', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  await admin.create(configMaps, { metadata: { ...metadata, finalizers: ['example.com/x'] } });
  await admin.delete(configMaps, metadata);
  const dying = await admin.get(configMaps, metadata);
  expect(dying.metadata.deletionTimestamp).toBeDefined();
  await admin.patch(configMaps, metadata, {
    type: patchTypes.merge,
    body: { metadata: { finalizers: null } },
  });
  await expect(admin.get(configMaps, metadata)).rejects.toMatchObject({ reason: 'NotFound' });
});

test('A name made of generateName has five characters more', async () => {
  await using cluster = await startTestCluster();
  const made = await cluster.admin.create(pods, {
    metadata: { namespace: 'default', generateName: 'web-' },
    spec: { containers: [{ name: 'c', image: 'i' }] } as never,
  });
  expect(made.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  expect((await cluster.admin.list(namespaces)).items).toHaveLength(4);
});
