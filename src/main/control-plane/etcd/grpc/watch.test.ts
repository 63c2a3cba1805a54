import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '#shared/base/log.ts';
import { FakeClock } from '../../../../../test/support/fake-clock.ts';
import { openEmbeddedStore, type EmbeddedStore } from '../embedded-store.ts';
import { startEtcdFace } from './face.ts';
import { frame, framePrefixBytes, FrameReader } from './frames.ts';
import { watchRequest, watchResponse } from './messages.ts';
import type { MessageOf } from '#shared/base/protobuf.ts';
import { decode, encode } from './protobuf.ts';
import type { GrpcServer } from './server.ts';

let clock: FakeClock;
let store: EmbeddedStore;
let face: GrpcServer;
let client: ClientHttp2Session;

beforeEach(async () => {
  clock = new FakeClock();
  store = await openEmbeddedStore({ clock, log: silentLog });
  face = await startEtcdFace({ store, clock, log: silentLog, name: 'test', port: 0 });
  client = connect(`http://127.0.0.1:${face.port}`);
});
afterEach(async () => {
  client.destroy();
  await face[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

test('a client that does not keep up misses nothing and is told nothing twice', async () => {
  const { stream, responses, ask } = openWatch();
  ask({ create: { key: 'k', rangeEnd: 'l', startRevision: 1 } });
  await expect.poll(() => responses.length, { timeout: 10_000 }).toBe(1);
  stream.pause();
  for (let i = 0; i < 300; i++) await put(`k${i}`, Buffer.alloc(50_000, 'x'));
  stream.resume();
  for (let i = 300; i < 350; i++) await put(`k${i}`, Buffer.alloc(50_000, 'x'));
  const heard = (): number[] =>
    responses.flatMap(({ events }) => events.map(({ kv }) => kv?.modRevision ?? 0));
  await expect.poll(() => heard().length, { timeout: 10_000 }).toBe(350);
  expect(heard()).toEqual(Array.from({ length: 350 }, (_, i) => i + 2));
});

test('large answers come in fragments to whoever asks for them', async () => {
  for (let i = 0; i < 3; i++) {
    await store.txn({
      success: [0, 1].map((part) => ({
        type: 'put',
        key: `k${i}/${part}`,
        value: Buffer.alloc(700_000, 'x'),
      })),
    });
  }
  const { responses, ask } = openWatch();
  ask({ create: { key: 'k', rangeEnd: 'l', startRevision: 1, fragment: true } });
  await expect.poll(() => responses.length, { timeout: 10_000 }).toBe(4);
  expect(responses.map(({ fragment, events }) => [fragment, events.length])).toEqual([
    [false, 0],
    [true, 2],
    [true, 2],
    [false, 2],
  ]);
});

test('watches of one call have their own filters and ends, and progress speaks for all', async () => {
  const { responses, ask } = openWatch();
  ask({ create: { key: 'a', prevKv: true } });
  ask({ create: { key: 'a', filters: [0] } });
  ask({ create: { key: 'a', watchId: 7, progressNotify: true } });
  ask({ create: { key: 'a', watchId: 7 } });
  ask({ create: { key: 'b', rangeEnd: 'a' } });
  await expect.poll(() => responses.length, { timeout: 10_000 }).toBe(5);
  expect(
    responses.map(({ watchId, created, canceled, cancelReason }) => ({
      watchId,
      created,
      canceled,
      cancelReason,
    })),
  ).toEqual([
    { watchId: 0, created: true, canceled: false, cancelReason: '' },
    { watchId: 1, created: true, canceled: false, cancelReason: '' },
    { watchId: 7, created: true, canceled: false, cancelReason: '' },
    {
      watchId: -1,
      created: true,
      canceled: true,
      cancelReason: 'mvcc: duplicate watch ID provided on the WatchStream',
    },
    { watchId: -1, created: true, canceled: true, cancelReason: 'mvcc: watcher range is empty' },
  ]);
  await put('a', Buffer.from('1'));
  await put('a', Buffer.from('2'));
  await store.txn({ success: [{ type: 'delete', key: 'a' }] });
  ask({ progress: {} });
  await expect.poll(() => responses.at(-1)?.watchId, { timeout: 10_000 }).toBe(-1);
  ask({ cancel: { watchId: 1 } });
  await expect.poll(() => responses.at(-1)?.canceled, { timeout: 10_000 }).toBe(true);
  await put('other', Buffer.from('x'));
  // The first period saw events, the second does not.
  await clock.advance(1_200_000);
  await expect.poll(() => responses.at(-1)?.watchId, { timeout: 10_000 }).toBe(7);
  expect(responses.slice(5).map(tell)).toEqual([
    '0: put before undefined',
    '7: put before undefined',
    '0: put before 1',
    '7: put before undefined',
    '0: delete before 2',
    '1: delete before undefined',
    '7: delete before undefined',
    '-1: progress 4',
    '1: canceled',
    '7: progress 5',
  ]);
});

type Response = MessageOf<typeof watchResponse>;

function tell({ watchId, canceled, events, header }: Response): string {
  const what = events.map(({ type, prevKv }) => {
    const before = prevKv ? Buffer.from(prevKv.value ?? []).toString() : 'undefined';
    return `${type === 0 ? 'put' : 'delete'} before ${before}`;
  });
  if (canceled) what.push('canceled');
  if (what.length === 0) what.push(`progress ${header?.revision}`);
  return `${watchId}: ${what.join(', ')}`;
}

function openWatch(): {
  stream: ClientHttp2Stream;
  responses: Response[];
  ask: (request: Partial<MessageOf<typeof watchRequest>>) => void;
} {
  const stream = client.request({
    ':method': 'POST',
    ':path': '/etcdserverpb.Watch/Watch',
    'content-type': 'application/grpc',
  });
  const frames = new FrameReader();
  const responses: Response[] = [];
  stream.on('data', (chunk: Buffer) => {
    for (const one of frames.push(chunk)) responses.push(decode(watchResponse, one));
  });
  stream.on('error', () => {});
  const ask = (request: Partial<MessageOf<typeof watchRequest>>): void => {
    stream.write(frame(encode(watchRequest, request, framePrefixBytes)));
  };
  return { stream, responses, ask };
}

async function put(key: string, value: Buffer): Promise<void> {
  await store.txn({ success: [{ type: 'put', key, value }] });
}
