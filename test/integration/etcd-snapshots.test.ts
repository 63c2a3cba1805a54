import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openEmbeddedStore, type EmbeddedStore } from '#main/control-plane/etcd/embedded-store.ts';
import { startEtcdFace } from '#main/control-plane/etcd/grpc/face.ts';
import { saveSnapshot, SnapshotCatalog } from '#main/control-plane/etcd/snapshot/catalog.ts';
import { readSnapshot } from '#main/control-plane/etcd/snapshot/read.ts';
import {
  restoreSnapshot,
  verifyAndCount,
  verifySnapshot,
} from '#main/control-plane/etcd/snapshot/restore.ts';
import type { KeyValue, Store, WatchMessage } from '#main/control-plane/etcd/store.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { etcdctl, startRealEtcd } from '../support/etcd.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pilothouse-snapshots-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a real etcd restores our snapshot, whoever saved it', async () => {
  await using store = await openStore();
  await fill(store);
  await using face = await startEtcdFace({
    store,
    clock: systemClock,
    log: silentLog,
    name: 'test',
    port: 0,
  });
  const ours = join(folder, 'ours.snapshot');
  await saveSnapshot(store, ours);
  const saved = join(folder, 'saved.snapshot');
  await etcdctl({ endpoint: `127.0.0.1:${face.port}` }, 'snapshot', 'save', saved);

  for (const snapshot of [ours, saved]) {
    const { hash, revision, totalKeys, totalBytes, liveKeys } = await readSnapshot(snapshot);
    expect(await etcdctlStatus(snapshot)).toEqual({
      hash,
      revision,
      totalKey: totalKeys,
      totalSize: totalBytes,
    });
    expect({ revision, liveKeys }).toEqual({
      revision: store.revision,
      liveKeys: (await everything(store)).length,
    });
  }

  const data = join(folder, 'real');
  await etcdctl({ endpoint: '' }, 'snapshot', 'restore', ours, '--data-dir', data);
  await using real = await startRealEtcd(data);
  expect(await listed(real.endpoint)).toEqual(describeAll(await everything(store)));
  const [lease] = await store.leases();
  expect(await etcdctl(real, 'lease', 'timetolive', lease!.toString(16), '--keys')).toMatch(
    /granted with TTL\(1000s\), remaining\((9\d\d|1000)s\), attached keys\(\[leased\]\)/,
  );
  expect(await etcdctl(real, 'put', 'after', 'x', '-w', 'json')).toContain(
    `"revision":${store.revision + 1}`,
  );
  const past = etcdctl(real, 'get', 'key/0001', `--rev=${store.revision - 5}`);
  await expect(past).rejects.toThrow('required revision has been compacted');
});

test('we restore a snapshot of a real etcd, with or without its checksum', async () => {
  const data = join(folder, 'real');
  const snapshot = join(folder, 'real.snapshot');
  let expected: string[];
  {
    await using real = await startRealEtcd(data);
    for (let i = 0; i < 40; i++) await etcdctl(real, 'put', `k${i % 10}`, `value ${i}`);
    await etcdctl(real, 'put', 'big', 'x'.repeat(20_000));
    const grant = await etcdctl(real, 'lease', 'grant', '1000');
    const id = /lease (\w+)/.exec(grant)![1]!;
    await etcdctl(real, 'put', 'leased', 'x', `--lease=${id}`);
    await etcdctl(real, 'compaction', '20');
    await etcdctl(real, 'del', 'k3');
    await etcdctl(real, 'put', 'k4', 'again');
    await etcdctl(real, 'del', 'k5');
    await etcdctl(real, 'snapshot', 'save', snapshot);
    expected = await listed(real.endpoint);
  }
  const bare = join(folder, 'bare.snapshot');
  copyFileSync(join(data, 'member/snap/db'), bare);
  const { hash, revision, totalKeys, totalBytes } = await readSnapshot(snapshot);
  expect(await etcdctlStatus(snapshot)).toEqual({
    hash,
    revision,
    totalKey: totalKeys,
    totalSize: totalBytes,
  });
  for (const file of [snapshot, bare]) {
    const status = await readSnapshot(file);
    expect(await verifySnapshot(file, folder)).toEqual(status);
    const path = join(folder, 'state.db');
    const { newRevision } = await restoreSnapshot({ snapshot: file, store: path });
    await using store = await openStore();
    expect(describeAll(await everything(store))).toEqual(expected);
    expect(store.revision).toBe(status.newestRevision + 1_000_000_000);
    expect(newRevision).toBe(store.revision);
    const [lease] = await store.leases();
    expect((await store.leaseTimeToLive(lease!, { keys: true })).keys).toEqual(['leased']);
    const messages: WatchMessage[] = [];
    store.watch({ key: 'k0', startRevision: status.revision }, (one) => messages.push(one));
    await settle();
    expect(messages).toMatchObject([{ type: 'ended', error: { code: 'compacted' } }]);
  }
});

test('one flipped bit anywhere is refused, and says so', async () => {
  await using store = await openStore();
  await fill(store);
  const snapshot = join(folder, 'good.snapshot');
  await saveSnapshot(store, snapshot);
  const good = readFileSync(snapshot);
  const bad = join(folder, 'bad.snapshot');
  for (let i = 0; i < 50; i++) {
    const bytes = Buffer.from(good);
    const at = Math.floor((i / 49) * (bytes.length - 1));
    bytes[at]! ^= 1 << (i % 8);
    writeFileSync(bad, bytes);
    await expect(readSnapshot(bad), `bit ${i % 8} of byte ${at}`).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('bad.snapshot is damaged') as string,
    });
  }
  writeFileSync(bad, good.subarray(0, 100_000));
  await expect(readSnapshot(bad)).rejects.toMatchObject({ code: 'corrupt' });
  writeFileSync(bad, 'not a snapshot at all');
  await expect(restoreSnapshot({ snapshot: bad, store: join(folder, 'new.db') })).rejects.toThrow(
    'it is not a bbolt file',
  );
});

test('a restore that was broken off leaves the old store or finishes when it is opened', async () => {
  const path = join(folder, 'state.db');
  const snapshot = join(folder, 'one.snapshot');
  {
    await using store = await openStore();
    await put(store, 'a', 'then');
    await saveSnapshot(store, snapshot);
    await put(store, 'a', 'now');
    await expect(restoreSnapshot({ snapshot, store: path })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('another process uses it') as string,
    });
  }
  const old = readFileSync(path);
  // Broken off while it was being built:
  writeFileSync(`${path}.restoring`, 'half of it');
  {
    await using store = await openStore();
    expect(describeAll(await everything(store))).toEqual(['a=now 2 3 2']);
  }
  // Broken off before and after the old store was moved aside:
  await restoreSnapshot({ snapshot, store: path, bumpRevision: 0 });
  const restored = readFileSync(path);
  for (const hasOld of [true, false]) {
    rmSync(path);
    rmSync(`${path}.before-restore`, { force: true });
    if (hasOld) writeFileSync(path, old);
    writeFileSync(`${path}.restored`, restored);
    await using store = await openStore();
    expect(describeAll(await everything(store))).toEqual(['a=then 2 2 1']);
    expect(existsSync(`${path}.before-restore`)).toBe(hasOld);
  }
});

test('a snapshot is named after its own revision, whatever is written meanwhile', async () => {
  await using store = await openStore();
  const catalog = new SnapshotCatalog({
    folder: join(folder, 'snapshots'),
    store,
    clock: systemClock,
    log: silentLog,
  });
  const named: number[] = [];
  const inside: number[] = [];
  const progress = { isWritten: false };
  const writing = (async () => {
    for (let i = 0; i < 200; i++) await put(store, 'a', `${i}`);
    progress.isWritten = true;
  })();
  while (!progress.isWritten) {
    const { path, revision } = await catalog.save('manual');
    named.push(revision);
    inside.push((await readSnapshot(path)).newestRevision);
  }
  await writing;
  expect(inside).toEqual(named);
});

test('snapshots are taken while anything changes, and the oldest scheduled ones go', async () => {
  const clock = new FakeClock();
  await using store = await openStore();
  const catalog = new SnapshotCatalog({
    folder: join(folder, 'snapshots'),
    store,
    clock,
    log: silentLog,
    plan: { intervalMs: 30 * 60_000, keep: { scheduled: 2 } },
    verify: (snapshot, previous) => verifyAndCount({ snapshot, previous, scratchFolder: folder }),
  });
  await catalog.save('manual');
  {
    await using _schedule = catalog.schedule();
    for (let i = 0; i < 4; i++) {
      await put(store, 'a', `${i}`);
      await clock.advance(30 * 60_000);
      await until(async () => (await catalog.list())[0]?.revision === store.revision);
    }
    await clock.advance(5 * 30 * 60_000);
  }
  const entries = await catalog.list();
  expect(entries.map(({ kind, revision }) => `${kind} ${revision}`)).toEqual([
    'scheduled 5',
    'scheduled 4',
    'manual 1',
  ]);
  expect(await Promise.all(entries.map((entry) => catalog.evidence(entry)))).toMatchObject([
    { revision: 5, liveKeys: 1, changed: 1 },
    { revision: 4, liveKeys: 1, changed: 1 },
    { liveKeys: 0 },
  ]);
});

function openStore(): Promise<EmbeddedStore> {
  return openEmbeddedStore({ path: join(folder, 'state.db'), clock: systemClock, log: silentLog });
}

/** Some history, a value of several pages, a lease, and a deletion as the newest change. */
async function fill(store: Store): Promise<void> {
  const keys = Array.from({ length: 3000 }, (_, i) => `key/${String(i).padStart(4, '0')}`);
  await Promise.all(keys.map((key) => put(store, key, `value of ${key}`.repeat(10))));
  await Promise.all(keys.slice(0, 500).map((key) => put(store, key, `another value of ${key}`)));
  await put(store, 'big', 'x'.repeat(20_000));
  await put(store, 'empty', '');
  await store.txn({
    success: keys.slice(1000, 1100).map((key) => ({ type: 'put', key, value: Buffer.from('t') })),
  });
  const { id } = await store.grantLease(1000);
  await store.txn({
    success: [{ type: 'put', key: 'leased', value: Buffer.from('x'), lease: id }],
  });
  await store.txn({ success: [{ type: 'delete', key: 'key/2000', rangeEnd: 'key/2010' }] });
}

async function put(store: Store, key: string, value: string): Promise<void> {
  await store.txn({ success: [{ type: 'put', key, value: Buffer.from(value) }] });
}

async function everything(store: Store): Promise<readonly KeyValue[]> {
  return (await store.range({ key: '\0', rangeEnd: '\0' })).kvs;
}

function describeAll(kvs: readonly KeyValue[]): string[] {
  return kvs.map(
    ({ key, value, createRevision, modRevision, version }) =>
      `${key}=${Buffer.from(value).toString()} ${createRevision} ${modRevision} ${version}`,
  );
}

async function listed(endpoint: string): Promise<string[]> {
  interface Listed {
    readonly key: string;
    readonly value?: string;
    readonly create_revision: number;
    readonly mod_revision: number;
    readonly version: number;
  }
  const { kvs } = JSON.parse(
    await etcdctl({ endpoint }, 'get', '--prefix', '-w', 'json', '--', ''),
  ) as { kvs: Listed[] };
  return kvs.map(({ key, value = '', ...rest }) => {
    const text = (base64: string): string => Buffer.from(base64, 'base64').toString();
    return `${text(key)}=${text(value)} ${rest.create_revision} ${rest.mod_revision} ${rest.version}`;
  });
}

async function etcdctlStatus(file: string): Promise<unknown> {
  return JSON.parse(await etcdctl({ endpoint: '' }, 'snapshot', 'status', file, '-w', 'json'));
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}
