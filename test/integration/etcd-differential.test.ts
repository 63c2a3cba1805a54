import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEmbeddedStore, type EmbeddedStore } from '#main/control-plane/etcd/embedded-store.ts';
import { startEtcdFace } from '#main/control-plane/etcd/grpc/face.ts';
import type { GrpcServer } from '#main/control-plane/etcd/grpc/server.ts';
import { openRemoteStore } from '#main/control-plane/etcd/remote-store.ts';
import type {
  Compare,
  KeyValue,
  Operation,
  RangeRequest,
  Store,
  StoreError,
  TxnRequest,
  WatchMessage,
} from '#main/control-plane/etcd/store.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { startRealEtcd, type RealEtcd } from '../support/etcd.ts';

// The same random requests go to our store, to our store through gRPC and to a real etcd, all through
// the one interface: whatever they answer has to be the same, refusals too.
const folder = mkdtempSync(join(tmpdir(), 'pilothouse-differential-'));
let real: RealEtcd;
let embedded: EmbeddedStore;
let behindFace: EmbeddedStore;
let face: GrpcServer;
let stores: readonly Store[];

beforeAll(async () => {
  const own = { clock: systemClock, log: silentLog };
  real = await startRealEtcd(join(folder, 'real'));
  embedded = await openEmbeddedStore({ ...own, path: join(folder, 'a.db'), recentBytes: 20_000 });
  behindFace = await openEmbeddedStore({ ...own, path: join(folder, 'b.db') });
  face = await startEtcdFace({ ...own, store: behindFace, name: 'test', port: 0 });
  const open = (endpoint: string): Promise<Store> =>
    openRemoteStore({ ...own, endpoints: [`http://${endpoint}`] });
  stores = [await open(real.endpoint), embedded, await open(`127.0.0.1:${face.port}`)];
});
afterAll(async () => {
  for (const store of stores) await store[Symbol.asyncDispose]();
  await face[Symbol.asyncDispose]();
  await behindFace[Symbol.asyncDispose]();
  await real[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test(
  'three thousand random requests are answered as etcd answers them',
  { timeout: 60_000 },
  async () => {
    const random = seeded(20261121);
    const heard = stores.map((): string[] => []);
    const watches = stores.map((store, i) =>
      store.watch({ key: 'k', rangeEnd: 'l', startRevision: 2, prevKv: true }, (message) => {
        heard[i]!.push(...describe(message));
      }),
    );
    const leases = [11n, 12n, 13n];
    for (let step = 0; step < 3000; step++) {
      const request = randomRequest(random, leases);
      const answers = await Promise.all(stores.map((store) => outcome(request, store)));
      expect({ step, request: request.what, embedded: answers[1] }).toEqual({
        step,
        request: request.what,
        embedded: answers[0],
      });
      expect({ step, request: request.what, face: answers[2] }).toEqual({
        step,
        request: request.what,
        face: answers[0],
      });
    }
    const newest = (await stores[0]!.range({ key: 'k' })).revision;
    await expect
      .poll(() => new Set(heard.map((lines) => lines.length)).size, { timeout: 10_000 })
      .toBe(1);
    expect(heard[1]).toEqual(heard[0]);
    expect(heard[2]).toEqual(heard[0]);
    expect(newest).toBeGreaterThan(500);
    for (const watch of watches) watch[Symbol.dispose]();

    // And once more from the past, as far as it reaches.
    const { compactRevision } = await embedded.status();
    expect((await stores[0]!.status()).compactRevision).toBe(compactRevision);
    const again = await Promise.all(
      stores.map((store) => follow(store, { from: compactRevision + 1, to: newest })),
    );
    expect(again[1]).toEqual(again[0]);
    expect(again[2]).toEqual(again[0]);
  },
);

test('a watch on a real etcd goes on after the connection was lost', async () => {
  const store = stores[2]!;
  const heard: string[] = [];
  using _watch = store.watch({ key: 'lost/', rangeEnd: 'lost0' }, (message) => {
    heard.push(...describe(message));
  });
  const put = (key: string): Promise<unknown> =>
    behindFace.txn({ success: [{ type: 'put', key, value: Buffer.from('x') }] });
  await store.range({ key: 'lost/' });
  await put('lost/1');
  await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(1);
  const { port } = face;
  await face[Symbol.asyncDispose]();
  await put('lost/2');
  const own = { clock: systemClock, log: silentLog };
  face = await startEtcdFace({ ...own, store: behindFace, name: 'test', port });
  await put('lost/3');
  await expect
    .poll(() => heard.map((line) => line.split(' ')[1]), { timeout: 10_000 })
    .toEqual(['lost/1', 'lost/2', 'lost/3']);
});

test('where no etcd can be reached, that is said', async () => {
  const options = { endpoints: ['http://127.0.0.1:1'], clock: systemClock, log: silentLog };
  await expect(openRemoteStore(options)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('Cannot reach etcd at http://127.0.0.1:1: ') as string,
  });
});

interface RandomRequest {
  readonly what: unknown;
  readonly run: (store: Store) => Promise<unknown>;
}

type Random = (below: number) => number;

function randomRequest(random: Random, leases: readonly bigint[]): RandomRequest {
  const kind = random(100);
  const lease = pick(random, leases);
  if (kind < 2) {
    return { what: ['grant', lease], run: (store) => store.grantLease(5000, lease) };
  }
  if (kind < 3) return { what: ['revoke', lease], run: (store) => store.revokeLease(lease) };
  if (kind < 5) {
    return {
      what: ['lease', lease],
      run: async (store) => {
        const { keys, ttlSeconds } = await store.leaseTimeToLive(lease, { keys: true });
        return { keys: [...keys].sort(), ttlSeconds };
      },
    };
  }
  if (kind < 6) {
    const behind = random(60);
    return {
      what: ['compact', behind],
      run: async (store) => store.compact((await store.range({ key: 'k' })).revision - behind),
    };
  }
  if (kind < 40) {
    const request = randomRange(random);
    return { what: request, run: (store) => store.range(request) };
  }
  const request = randomTxn(random, 0);
  return { what: request, run: (store) => store.txn(request) };
}

function randomTxn(random: Random, depth: number): TxnRequest {
  const operations = (): Operation[] =>
    Array.from({ length: random(4) }, () => randomOperation(random, depth));
  return {
    compare: Array.from({ length: random(3) }, () => randomCompare(random)),
    success: operations(),
    failure: operations(),
  };
}

function randomOperation(random: Random, depth: number): Operation {
  const kind = random(depth < 2 ? 10 : 9);
  const key = randomKey(random);
  if (kind === 9) return { type: 'txn', ...randomTxn(random, depth + 1) };
  if (kind < 6) {
    const ignoreValue = random(12) === 0;
    const ignoreLease = random(12) === 0;
    return {
      type: 'put',
      key,
      value: Buffer.from(ignoreValue && random(3) > 0 ? '' : `v${random(5)}`.repeat(random(40))),
      lease: random(8) === 0 ? BigInt(10 + random(4)) : 0n,
      prevKv: random(3) === 0,
      ignoreValue,
      ignoreLease,
    };
  }
  if (kind < 8) {
    const prevKv = random(2) === 0;
    return random(3) === 0
      ? { type: 'delete', key, rangeEnd: randomKey(random), prevKv }
      : { type: 'delete', key, prevKv };
  }
  return { type: 'range', ...randomRange(random) };
}

function randomCompare(random: Random): Compare {
  const target = pick(random, ['version', 'create', 'mod', 'value', 'lease'] as const);
  const result = pick(random, ['=', '>', '<', '!='] as const);
  const value =
    target === 'value'
      ? Buffer.from(`v${random(5)}`)
      : target === 'lease'
        ? BigInt(random(14))
        : random(random(2) === 0 ? 3 : 600);
  const compare = { key: randomKey(random), target, result, value };
  return random(5) === 0 ? { ...compare, rangeEnd: randomKey(random) } : compare;
}

function randomRange(random: Random): RangeRequest {
  const request: { -readonly [K in keyof RangeRequest]: RangeRequest[K] } = {
    key: randomKey(random),
  };
  if (random(3) > 0) request.rangeEnd = pick(random, ['\0', 'l', randomKey(random)]);
  if (random(4) === 0) request.limit = random(5);
  if (random(4) === 0) request.revision = random(700);
  if (random(8) === 0) request.keysOnly = true;
  if (random(8) === 0) request.countOnly = true;
  if (random(4) === 0) request.sortBy = pick(random, ['version', 'create', 'mod', 'key'] as const);
  if (random(4) === 0) request.descending = true;
  if (random(8) === 0) request.minModRevision = random(500);
  if (random(8) === 0) request.maxModRevision = random(500);
  if (random(8) === 0) request.minCreateRevision = random(500);
  if (random(8) === 0) request.maxCreateRevision = random(500);
  // What has the same place in the order may come in any order.
  if (request.sortBy !== undefined && request.sortBy !== 'key') delete request.limit;
  return request;
}

function randomKey(random: Random): string {
  return `k${random(30)}`;
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)]!;
}

/** Numbers that are the same in every run. */
function seeded(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

async function outcome({ what, run }: RandomRequest, store: Store): Promise<unknown> {
  // Where two have the same place in an order, either may come first.
  const isTied = /sortBy":"[vcm]/.test(JSON.stringify(what, textOfBigint));
  try {
    return comparable(await run(store), isTied);
  } catch (error) {
    const { code, message } = error as StoreError;
    return { code, message };
  }
}

function textOfBigint(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

/** Bytes as text and, if asked for, lists in one order. */
function comparable(answer: unknown, isTied: boolean): unknown {
  return JSON.parse(
    JSON.stringify(answer ?? null, (key, value: unknown) => {
      if (typeof value === 'bigint') return `${value}n`;
      // etcd says no revision for a transaction within another.
      if (isNested(value)) return { ...value, type: 'nested', revision: undefined };
      if (key === 'kvs' && isTied) return (value as KeyValue[]).toSorted(byKey);
      if (isBuffer(value)) return Buffer.from(value.data).toString();
      return value;
    }),
  );
}

function byKey(a: KeyValue, b: KeyValue): number {
  return a.key < b.key ? -1 : 1;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null && (value as { type?: string }).type === 'txn';
}

function isBuffer(value: unknown): value is { data: number[] } {
  return (
    typeof value === 'object' && value !== null && (value as { type?: string }).type === 'Buffer'
  );
}

function describe(message: WatchMessage): string[] {
  if (message.type === 'progress') return [];
  if (message.type === 'ended') return [`ended ${message.error.message}`];
  return message.events.map(
    ({ type, kv, prevKv }) =>
      `${type} ${kv.key} ${kv.modRevision} ${kv.version} ${kv.lease} ${Buffer.from(kv.value).toString()} before ${prevKv?.modRevision}`,
  );
}

function follow(store: Store, { from, to }: { from: number; to: number }): Promise<string[]> {
  const heard: string[] = [];
  return new Promise((resolve) => {
    const watch = store.watch(
      { key: '\0', rangeEnd: '\0', startRevision: from, prevKv: true },
      (message) => {
        heard.push(...describe(message));
        if (message.type !== 'ended' && message.revision < to) return;
        watch[Symbol.dispose]();
        resolve(heard);
      },
    );
  });
}
