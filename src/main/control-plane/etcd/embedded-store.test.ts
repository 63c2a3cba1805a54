import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '#shared/base/log.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { openEmbeddedStore, type EmbeddedStore } from './embedded-store.ts';
import { type RangeRequest, type WatchMessage } from './store.ts';

let folder: string;
let clock: FakeClock;
let store: EmbeddedStore;

describe.each(['memory', 'file'])('a store kept in %s', (kind) => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pilothouse-store-'));
    clock = new FakeClock();
    store = await open();
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  function open(): Promise<EmbeddedStore> {
    const options = { clock, log: silentLog };
    if (kind === 'memory') return openEmbeddedStore(options);
    return openEmbeddedStore({ ...options, path: join(folder, 'state.db'), recentBytes: 2000 });
  }

  test('a key carries its revisions and version through puts, a deletion and a new life', async () => {
    expect(store.revision).toBe(1);
    await put('a', '1');
    await put('b', '1');
    await put('a', '2');
    expect(await read({ key: 'a' })).toEqual(['a=2 create 2 mod 4 version 2']);
    await store.txn({ success: [{ type: 'delete', key: 'a' }] });
    expect(await read({ key: 'a' })).toEqual([]);
    await put('a', '3');
    expect(await read({ key: 'a' })).toEqual(['a=3 create 6 mod 6 version 1']);
    expect(store.revision).toBe(6);
  });

  test('a deletion of nothing makes no revision', async () => {
    const { revision, responses } = await store.txn({ success: [{ type: 'delete', key: 'x' }] });
    expect({ revision, responses }).toEqual({
      revision: 1,
      responses: [{ type: 'delete', deleted: 0, prevKvs: [] }],
    });
  });

  test('of many writers with the same expectation one wins, and the others see its value', async () => {
    await put('a', '0');
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        store.txn({
          compare: [{ key: 'a', target: 'mod', result: '=', value: 2 }],
          success: [{ type: 'put', key: 'a', value: bytes(`${i}`) }],
          failure: [{ type: 'range', key: 'a' }],
        }),
      ),
    );
    expect(outcomes.map(({ succeeded }) => succeeded)).toEqual([
      true,
      ...Array.from({ length: 19 }, () => false),
    ]);
    const seen = outcomes.slice(1).map(({ responses: [one] }) => {
      return one?.type === 'range' ? text(one.kvs[0]!.value) : one;
    });
    expect(new Set(seen)).toEqual(new Set(['0']));
  });

  const ranges: [string, RangeRequest, string[], { count: number; more: boolean }][] = [
    ['one key', { key: 'b' }, ['b'], { count: 1, more: false }],
    ['no such key', { key: 'bb' }, [], { count: 0, more: false }],
    ['a range', { key: 'b', rangeEnd: 'd' }, ['b', 'c'], { count: 2, more: false }],
    [
      'everything',
      { key: '\0', rangeEnd: '\0' },
      ['a', 'b', 'c', 'd', 'e'],
      { count: 5, more: false },
    ],
    ['from a key on', { key: 'd', rangeEnd: '\0' }, ['d', 'e'], { count: 2, more: false }],
    ['a limit', { key: 'a', rangeEnd: 'z', limit: 2 }, ['a', 'b'], { count: 5, more: true }],
    ['a count', { key: 'a', rangeEnd: 'd', countOnly: true }, [], { count: 3, more: false }],
    [
      'the newest first',
      { key: 'a', rangeEnd: 'z', sortBy: 'mod', descending: true, limit: 2 },
      ['a', 'e'],
      { count: 5, more: true },
    ],
    [
      'by value',
      { key: 'a', rangeEnd: 'z', sortBy: 'value' },
      ['e', 'd', 'c', 'b', 'a'],
      { count: 5, more: false },
    ],
    [
      'by version',
      { key: 'a', rangeEnd: 'z', sortBy: 'version', descending: true, limit: 1 },
      ['a'],
      { count: 5, more: true },
    ],
    [
      'between revisions',
      { key: 'a', rangeEnd: 'z', minModRevision: 4, maxModRevision: 5 },
      ['c', 'd'],
      { count: 5, more: false },
    ],
    [
      'created between revisions',
      { key: 'a', rangeEnd: 'z', minCreateRevision: 2, maxCreateRevision: 3 },
      ['a', 'b'],
      { count: 5, more: false },
    ],
  ];
  const few = kind === 'memory' ? ranges : [];
  test.each(few)('a range reads %s', async (_, request, keys, rest) => {
    for (const [i, key] of ['a', 'b', 'c', 'd', 'e'].entries()) await put(key, `${5 - i}`);
    await put('a', '6');
    const { kvs, count, more, revision } = await store.range(request);
    expect(kvs.map(({ key }) => key)).toEqual(keys);
    expect({ count, more, revision }).toEqual({ ...rest, revision: 7 });
  });

  test('the past can be read until it is compacted', async () => {
    for (let i = 0; i < 40; i++) await put(`k${i % 4}`, `v${i}`.padEnd(100, '.'));
    await store.txn({ success: [{ type: 'delete', key: 'k1' }] });
    await put('k9', 'new');
    const all = { key: 'k', rangeEnd: 'l' };
    const then = await store.range({ ...all, revision: 5 });
    expect(then.kvs.map(({ key, value }) => `${key}=${text(value).replaceAll('.', '')}`)).toEqual([
      'k0=v0',
      'k1=v1',
      'k2=v2',
      'k3=v3',
    ]);
    expect((await store.range({ ...all, revision: 3, limit: 1 })).count).toBe(2);
    expect((await store.range({ ...all, revision: 3, limit: 1 })).more).toBe(true);
    expect((await store.range({ key: 'k1', revision: 41 })).kvs[0]?.version).toBe(10);
    await store.compact(30, { physical: true });
    expect(
      (await store.range({ ...all, revision: 30 })).kvs.map(({ modRevision }) => modRevision),
    ).toEqual([30, 27, 28, 29]);
    await expect(store.range({ ...all, revision: 29 })).rejects.toMatchObject({
      code: 'compacted',
      message: 'etcdserver: mvcc: required revision has been compacted',
      compactRevision: 30,
    });
    await expect(store.range({ ...all, revision: 99 })).rejects.toMatchObject({
      code: 'futureRevision',
    });
    await expect(store.compact(30)).rejects.toMatchObject({ code: 'compacted' });
    await expect(store.compact(99)).rejects.toMatchObject({ code: 'futureRevision' });
  });

  test('a watch from the past hears of everything once and in order, then of what is new', async () => {
    const written: string[] = [];
    const write = async (i: number): Promise<void> => {
      await put(`/a/${i % 5}`, `${i}`.padEnd(100, '.'));
      written.push(`put /a/${i % 5} ${store.revision}`);
    };
    for (let i = 0; i < 60; i++) await write(i);
    const heard: string[] = [];
    using _watch = store.watch({ key: '/a/', rangeEnd: '/a0', startRevision: 2 }, (message) => {
      heard.push(...describeMessage(message));
    });
    for (let i = 60; i < 80; i++) await write(i);
    await put('/b', 'another');
    await eventually(() => expect(heard).toEqual(written));
  });

  test('a watch says so when what it asks for is compacted', async () => {
    for (let i = 0; i < 10; i++) await put('a', `${i}`);
    await store.compact(6);
    const messages: WatchMessage[] = [];
    using _watch = store.watch({ key: 'a', startRevision: 3 }, (message) => messages.push(message));
    await eventually(() => expect(messages).toHaveLength(1));
    expect(messages[0]).toMatchObject({
      type: 'ended',
      error: { code: 'compacted', compactRevision: 6 },
    });
  });

  test('a watch from the compacted revision itself hears of the deletion made there', async () => {
    await put('a', '1');
    await store.txn({ success: [{ type: 'delete', key: 'a' }] });
    await store.compact(3, { physical: true });
    const heard: string[] = [];
    using _watch = store.watch({ key: 'a', startRevision: 3 }, (message) => {
      heard.push(...describeMessage(message));
    });
    await eventually(() => expect(heard).toEqual(['delete a 3']));
  });

  test('progress comes after everything that is owed', async () => {
    await put('a', '1');
    const heard: string[] = [];
    using watch = store.watch({ key: 'a', startRevision: 2 }, (message) => {
      heard.push(...describeMessage(message));
    });
    watch.requestProgress();
    await eventually(() => expect(heard).toEqual(['put a 2', 'progress 2']));
    await put('other', '1');
    watch.requestProgress();
    expect(heard.at(-1)).toBe('progress 3');
  });

  test('a lease that runs out takes its keys with it, at one revision', async () => {
    const { id } = await store.grantLease(10);
    await put('a', '1', id);
    await put('b', '1', id);
    await put('c', '1', id);
    await put('b', '2');
    expect(await store.leaseTimeToLive(id, { keys: true })).toEqual({
      id,
      ttlSeconds: 10,
      remainingSeconds: 10,
      keys: ['a', 'c'],
    });
    await clock.advance(6000);
    await store.keepLeaseAlive(id);
    await clock.advance(9000);
    expect(await read({ key: 'a' })).toHaveLength(1);
    await clock.advance(2000);
    await eventually(async () => expect(await store.leases()).toEqual([]));
    await eventually(async () => expect(store.revision).toBe(6));
    expect(await read({ key: '\0', rangeEnd: '\0' })).toEqual(['b=2 create 3 mod 5 version 2']);
    await expect(store.keepLeaseAlive(id)).rejects.toMatchObject({ code: 'leaseNotFound' });
    await expect(put('a', '1', id)).rejects.toMatchObject({ code: 'leaseNotFound' });
    expect((await store.leaseTimeToLive(id)).remainingSeconds).toBe(-1);
  });

  test('lease ids and times are checked as etcd checks them', async () => {
    expect(await store.grantLease(1, 7n)).toEqual({ id: 7n, ttlSeconds: 2 });
    await expect(store.grantLease(10, 7n)).rejects.toMatchObject({ code: 'leaseExists' });
    await expect(store.grantLease(9_000_000_001)).rejects.toMatchObject({
      code: 'leaseTtlTooLarge',
    });
    await store.revokeLease(7n);
    await expect(store.revokeLease(7n)).rejects.toMatchObject({ code: 'leaseNotFound' });
  });
});

async function put(key: string, value: string, lease = 0n): Promise<void> {
  await store.txn({ success: [{ type: 'put', key, value: bytes(value), lease }] });
}

async function read(request: RangeRequest): Promise<string[]> {
  const { kvs } = await store.range(request);
  return kvs.map(
    (kv) =>
      `${kv.key}=${text(kv.value)} create ${kv.createRevision} mod ${kv.modRevision} version ${kv.version}`,
  );
}

function describeMessage(message: WatchMessage): string[] {
  if (message.type === 'progress') return [`progress ${message.revision}`];
  if (message.type === 'ended') return [`ended ${message.error.code}`];
  return message.events.map(({ type, kv }) => `${type} ${kv.key} ${kv.modRevision}`);
}

/** The disk takes its own time, whatever the clock says. */
async function eventually(check: () => unknown): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

function bytes(value: string): Buffer {
  return Buffer.from(value);
}

function text(value: Uint8Array): string {
  return Buffer.from(value).toString();
}
