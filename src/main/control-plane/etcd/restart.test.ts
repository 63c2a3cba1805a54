import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '#shared/base/log.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { openEmbeddedStore, type EmbeddedStore } from './embedded-store.ts';
import { buildFile } from './journal/build.ts';
import { recordKey } from './journal/records.ts';
import { changes, selectRows } from './journal/rows.ts';
import type { StoreEvent } from './store.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pilothouse-restart-'));
  path = join(folder, 'state.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a store that is opened again is as it was, its past and its leases too', async () => {
  const clock = new FakeClock();
  let before: unknown;
  {
    await using store = await open(clock);
    for (let i = 0; i < 20; i++) await put(store, `k${i % 3}`, `v${i}`);
    const { id } = await store.grantLease(100, 5n);
    await put(store, 'leased', 'x', id);
    await store.txn({ success: [{ type: 'delete', key: 'k1' }] });
    await store.compact(10);
    before = await contents(store);
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600);
    await clock.advance(30_000);
  }
  await using store = await open(clock);
  expect(await contents(store)).toEqual(before);
  expect((await store.range({ key: 'k1', revision: 22 })).kvs[0]?.version).toBe(7);
  await expect(store.range({ key: 'k1', revision: 9 })).rejects.toMatchObject({
    code: 'compacted',
  });
  expect(await store.leaseTimeToLive(5n, { keys: true })).toEqual({
    id: 5n,
    ttlSeconds: 100,
    remainingSeconds: 70,
    keys: ['leased'],
  });
  const events = await new Promise<readonly StoreEvent[]>((resolve) => {
    store.watch({ key: 'k', rangeEnd: 'l', startRevision: 20, prevKv: true }, (message) => {
      if (message.type === 'events') resolve(message.events);
    });
  });
  expect(
    events.map(
      ({ type, kv, prevKv }) => `${type} ${kv.key} ${kv.modRevision} ${prevKv?.modRevision}`,
    ),
  ).toEqual(['put k0 20 17', 'put k1 21 18', 'delete k1 23 21']);
  await clock.advance(71_000);
  await expect.poll(() => store.revision, { timeout: 10_000 }).toBe(24);
  expect((await store.range({ key: 'leased' })).count).toBe(0);
});

test('revisions go on even if everything has been deleted and compacted', async () => {
  const clock = new FakeClock();
  {
    await using store = await open(clock);
    await put(store, 'a', '1');
    await store.txn({ success: [{ type: 'delete', key: 'a' }] });
    await store.compact(3, { physical: true });
    await store.defragment();
  }
  await using store = await open(clock);
  expect(store.revision).toBe(3);
  await put(store, 'a', '2');
  expect((await store.range({ key: 'a' })).kvs[0]).toMatchObject({ modRevision: 4, version: 1 });
});

test('a past of many pages is read from disk as it was', async () => {
  await using store = await open(new FakeClock());
  await Promise.all(Array.from({ length: 10_000 }, (_, i) => put(store, `k${i % 700}`, `v${i}`)));
  const then = await store.range({ key: 'k', rangeEnd: 'l', revision: 1001 });
  expect(then.count).toBe(700);
  for (const { key, value, modRevision } of then.kvs) {
    const i = Number(key.slice(1));
    const newest = i < 300 ? i + 700 : i;
    expect([modRevision, Buffer.from(value).toString()]).toEqual([newest + 2, `v${newest}`]);
  }
  const revisions: number[] = [];
  using _watch = store.watch({ key: 'k69', rangeEnd: 'k6:', startRevision: 2 }, (message) => {
    if (message.type === 'events')
      revisions.push(...message.events.map(({ kv }) => kv.modRevision));
  });
  const expected = Array.from({ length: 10_000 }, (_, i) => i + 2).filter((revision) =>
    `k${(revision - 2) % 700}`.startsWith('k69'),
  );
  await expect.poll(() => revisions.length, { timeout: 10_000 }).toBe(expected.length);
  expect(revisions).toEqual(expected);
});

test('compaction leaves on disk what can still be read, and nothing else', async () => {
  const clock = new FakeClock();
  {
    await using store = await open(clock);
    for (let i = 0; i < 1500; i++) void put(store, `k${i % 50}`, `v${i}`);
    const many = Array.from({ length: 100 }, (_, i) => `m${i}`);
    await store.txn({
      success: many.map((key) => ({ type: 'put', key, value: Buffer.from('x') }) as const),
    });
    await store.txn({ success: [{ type: 'delete', key: 'm', rangeEnd: 'n' }] });
    await put(store, 'last', 'x');
    await store.compact(store.revision - 1, { physical: true });
    await store.compact(store.revision, { physical: true });
  }
  const expected = Array.from({ length: 50 }, (_, i) => `k${i}`);
  expect(keysOnDisk()).toEqual([...expected, 'last'].sort());
});

test('what was committed together is given up change by change, and the rest can be read', async () => {
  const clock = new FakeClock();
  const kept = Array.from({ length: 40 }, (_, i) => `kept${i * 10}`);
  {
    await using store = await open(clock);
    const all = Array.from({ length: 400 }, (_, i) => put(store, `kept${i}`, `${i} `.repeat(100)));
    await Promise.all(all);
    for (let i = 0; i < 400; i++) {
      if (i % 10 > 0) void store.txn({ success: [{ type: 'delete', key: `kept${i}` }] });
    }
    const past = store.range({ key: 'kept', rangeEnd: 'kepu', revision: 401, countOnly: true });
    expect((await past).count).toBe(400);
    await store.compact(store.revision, { physical: true });
    await put(store, 'another', '1');
    await store.compact(store.revision, { physical: true });
    expect(keysOnDisk()).toEqual([...kept, 'another'].sort());
    const { kvs } = await store.range({ key: 'kept30' });
    expect(kvs[0]).toMatchObject({ modRevision: 32, value: Buffer.from('30 '.repeat(100)) });
  }
  await using store = await open(clock);
  const { kvs } = await store.range({ key: 'kept', rangeEnd: 'kepu' });
  expect(kvs.map(({ key }) => key)).toEqual(kept.toSorted());
});

test('a file of the first format is opened, and goes on in the second', async () => {
  const live = ['a', 'b', 'c'].map((key) => ({
    key,
    value: Buffer.from(`old ${key}`),
    createRevision: 7,
    modRevision: 7,
    version: 1,
    lease: 0n,
  }));
  await buildFile(path, { revision: 7, compactRevision: 7, live, leases: [] });
  setFormat(1);
  const clock = new FakeClock();
  {
    await using store = await open(clock);
    await Promise.all(['a', 'b', 'd'].map((key) => put(store, key, `new ${key}`)));
    const then = await store.range({ key: 'a', rangeEnd: 'z', revision: 7 });
    expect(then.kvs.map(({ value }) => Buffer.from(value).toString())).toEqual(
      live.map(({ value }) => value.toString()),
    );
    await store.compact(store.revision, { physical: true });
    await put(store, 'd', 'newer');
    await store.compact(store.revision, { physical: true });
  }
  expect(keysOnDisk()).toEqual(['a', 'b', 'c', 'd']);
  {
    await using store = await open(clock);
    const { kvs } = await store.range({ key: 'a', rangeEnd: 'z' });
    expect(kvs.map(({ value }) => Buffer.from(value).toString())).toEqual([
      'new a',
      'new b',
      'old c',
      'newer',
    ]);
  }
  setFormat(3);
  await expect(open(clock)).rejects.toThrow('its format is 3 and this version reads 2');
});

/** The keys of all changes in the file. */
function keysOnDisk(): string[] {
  const copy = join(folder, 'copy.db');
  for (const suffix of ['', '-wal']) {
    rmSync(copy + suffix, { force: true });
    if (existsSync(path + suffix)) cpSync(path + suffix, copy + suffix);
  }
  const database = new DatabaseSync(copy);
  const select = database.prepare(selectRows);
  select.setReturnArrays(true);
  const keys = [...changes(select, 0, 2 ** 30)].map(([, , record]) => recordKey(record));
  database.close();
  return keys.sort();
}

function setFormat(version: number): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA user_version=${version}`);
  database.close();
}

test('a file that is in use, damaged or not ours is refused, saying so', async () => {
  const clock = new FakeClock();
  {
    await using store = await open(clock);
    await put(store, 'a', 'some value that will be damaged');
    await put(store, 'b', '1');
    await expect(open(clock)).rejects.toMatchObject({
      code: 'unavailable',
      message: `Cannot open the store ${path}: another process uses it; stop that one first`,
    });
  }
  const good = readFileSync(path);
  const bad = Buffer.from(good);
  bad[good.indexOf('will be damaged')]! ^= 1;
  writeFileSync(path, bad);
  await expect(open(clock)).rejects.toMatchObject({
    code: 'corrupt',
    message: `Cannot open the store ${path}: the record of revision 2 is damaged; restore it from a snapshot`,
  });
  writeFileSync(path, good);
  const database = new DatabaseSync(path);
  database.exec('DELETE FROM history WHERE id < (3 << 22)');
  database.close();
  await expect(open(clock)).rejects.toThrow('revision 2 is missing');
  rmSync(path);
  new DatabaseSync(path).exec('CREATE TABLE other (x)');
  await expect(open(clock)).rejects.toThrow('it was not written by Pilothouse');
  writeFileSync(path, 'this is not a database, whatever else it may be');
  await expect(open(clock)).rejects.toMatchObject({ code: 'corrupt' });
});

function open(clock: FakeClock): Promise<EmbeddedStore> {
  return openEmbeddedStore({ path, clock, log: silentLog, recentBytes: 3000 });
}

async function contents(store: EmbeddedStore): Promise<unknown> {
  const { kvs, revision } = await store.range({ key: '\0', rangeEnd: '\0' });
  return { revision, kvs: kvs.map(({ value, ...rest }) => [Buffer.from(value).toString(), rest]) };
}

async function put(store: EmbeddedStore, key: string, value: string, lease = 0n): Promise<void> {
  await store.txn({ success: [{ type: 'put', key, value: Buffer.from(value), lease }] });
}
