import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  RawClient,
  frameBytes,
  requestBlock,
  type RawFrame,
} from '../../../test/support/raw-http2.ts';
import { ServerConnection } from '#main/http2/connection.ts';
import { errorCodes, flags, frameTypes, numberPayload, settingIds } from '#main/http2/frames.ts';
import { writeHeaders } from '#main/http2/hpack/writer.ts';
import type { ServerStream } from '#main/http2/stream.ts';

const ok = writeHeaders([[':status', 200]]);
const windowBytes = 100_000;
const { data, headers, continuation, settings, ping, windowUpdate, resetStream } = frameTypes;

let server: Server;
let port: number;
let connection: ServerConnection;
let accept: (stream: ServerStream) => void;
let elapsed = 0;
let mostDiscardedBytes = 0;

beforeEach(async () => {
  elapsed = 0;
  mostDiscardedBytes = 0;
  accept = echo;
  server = createServer((socket) => {
    socket.on('error', () => {}); // clients of these tests just go
    connection = new ServerConnection(socket, {
      streamWindowBytes: windowBytes,
      connectionWindowBytes: 3 * windowBytes,
      maxConcurrentStreams: 10,
      mostDiscardedBytes,
      elapsed: () => elapsed,
      accept: (stream) => accept(stream),
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  const closed = once(server, 'close');
  server.close();
  connection.destroy();
  await closed;
});

/** Answers with what was sent, once all of it is there. */
function echo(stream: ServerStream): void {
  const chunks: Buffer[] = [];
  stream.read({
    data: (chunk) => chunks.push(chunk),
    end() {
      stream.respond(ok);
      stream.end(Buffer.concat(chunks));
    },
  });
}

test('a body comes back through padding, priorities and trailers', async () => {
  using client = await RawClient.connect(port);
  const priority = Buffer.from([0, 0, 0, 0, 7]);
  const padded = (payload: Buffer): Buffer =>
    Buffer.concat([Buffer.of(3), payload, Buffer.alloc(3)]);
  client.send(
    headers,
    flags.endHeaders | flags.padded | flags.priority,
    1,
    padded(Buffer.concat([priority, requestBlock()])),
  );
  client.send(data, flags.padded, 1, padded(Buffer.from('one ')));
  client.data(1, Buffer.from('two'));
  client.send(headers, flags.endHeaders | flags.endStream, 1, writeHeaders([['x-sum', '1']]));
  const { headers: answer, body } = await client.answer(1);
  expect({ answer, body: body.toString() }).toEqual({
    answer: { ':status': '200' },
    body: 'one two',
  });
});

test('headers come in several frames, both ways', async () => {
  const long = 'v'.repeat(40_000);
  accept = (stream) => {
    const value = String(stream.headers['x-long']);
    stream.respond(
      writeHeaders([
        [':status', 200],
        ['x-long', value],
      ]),
    );
    stream.end();
  };
  using client = await RawClient.connect(port);
  const block = requestBlock({ 'x-long': long });
  client.send(headers, flags.endStream, 1, block.subarray(0, 10));
  client.send(continuation, 0, 1, block.subarray(10, 16_000));
  client.send(continuation, 0, 1, block.subarray(16_000, 32_000));
  client.send(continuation, flags.endHeaders, 1, block.subarray(32_000));
  expect((await client.answer(1)).headers['x-long']).toBe(long);
});

test('an answer waits for the windows of its stream and of the connection', async () => {
  accept = (stream) => {
    stream.respond(ok);
    stream.end(Buffer.alloc(100_000, 'x'));
  };
  using client = await RawClient.connect(port, [[settingIds.initialWindowSize, 10]]);
  const received = (): number =>
    client.frames
      .filter(({ type }) => type === data)
      .reduce((sum, { payload }) => sum + payload.length, 0);
  client.request(1);
  await client.next(({ type }) => type === data);
  await pong(client, 1);
  expect(received()).toBe(10);
  client.send(windowUpdate, 0, 1, numberPayload(5));
  await pong(client, 2);
  expect(received()).toBe(15);
  // A new initial window changes the streams that are there; then the connection's own is the limit.
  client.send(settings, 0, 0, settingsOf([settingIds.initialWindowSize, 200_000]));
  await pong(client, 3);
  expect(received()).toBe(65_535);
  client.send(windowUpdate, 0, 0, numberPayload(100_000));
  expect((await client.answer(1)).body).toHaveLength(100_000);
});

test('streams that wait for the connection take turns', async () => {
  accept = (stream) => {
    stream.respond(ok);
    stream.end(Buffer.alloc(1_000_000, 'x'));
  };
  using client = await RawClient.connect(port, [[settingIds.initialWindowSize, 2_000_000]]);
  client.request(1);
  client.request(3);
  client.request(5);
  await pong(client, 1);
  client.send(windowUpdate, 0, 0, numberPayload(3_000_000));
  const bodies = await Promise.all([1, 3, 5].map((id) => client.answer(id)));
  expect(bodies.map(({ body }) => body.length)).toEqual([1_000_000, 1_000_000, 1_000_000]);
});

test('a client may send on only as fast as its body is read', async () => {
  const accepted = Promise.withResolvers<ServerStream>();
  let received = 0;
  accept = (stream) => {
    stream.read({
      data(chunk) {
        received += chunk.length;
        stream.pause();
      },
    });
    accepted.resolve(stream);
  };
  using client = await RawClient.connect(port);
  client.request(1, {}, { isLast: false });
  for (let i = 0; i < 9; i++) client.data(1, Buffer.alloc(10_000));
  await pong(client, 1);
  expect(received).toBe(10_000);
  const isGrant = ({ type, streamId }: RawFrame): boolean =>
    type === windowUpdate && streamId === 1;
  expect(client.frames.some(isGrant)).toBe(false);
  const stream = await accepted.promise;
  for (let i = 0; i < 8; i++) stream.resume();
  expect(received).toBe(90_000);
  expect((await client.next(isGrant)).payload.readUInt32BE(0)).toBe(60_000);
});

test('a stream that one side gives up is over for the other', async () => {
  const closed: string[] = [];
  accept = (stream) => {
    stream.onClose(() => closed.push(`${stream.id}`));
    if (stream.id === 3) stream.reset();
  };
  using client = await RawClient.connect(port);
  client.request(1, {}, { isLast: false });
  client.send(resetStream, 0, 1, numberPayload(errorCodes.cancel));
  client.data(1, Buffer.from('too late'));
  client.request(3);
  expect(await client.reset(3)).toBe(errorCodes.cancel);
  expect(closed).toEqual(['1', '3']);
  client.request(5);
  await pong(client, 1);
  client.socket.destroy();
  await expect.poll(() => closed).toEqual(['1', '3', '5']);
});

test('an answer that needs no more of the request says so', async () => {
  accept = (stream) => stream.respond(ok, { isLast: true });
  using client = await RawClient.connect(port);
  client.request(1, {}, { isLast: false });
  expect((await client.answer(1)).headers).toEqual({ ':status': '200' });
  expect(await client.reset(1)).toBe(errorCodes.none);
});

test('a body that nobody needs is read for a while, so that its client sees the answer', async () => {
  mostDiscardedBytes = 1_000_000;
  accept = (stream) => stream.respond(ok, { isLast: true });
  using client = await RawClient.connect(port);
  const isGrant = ({ type, streamId }: RawFrame): boolean => type === windowUpdate && streamId > 0;
  client.request(1, {}, { isLast: false });
  await client.answer(1);
  expect((await client.next(isGrant)).payload.readUInt32BE(0)).toBe(1_000_000);
  for (let i = 0; i < 90; i++) client.data(1, Buffer.alloc(10_000));
  client.data(1, Buffer.alloc(0), true);
  await pong(client, 1);
  expect(client.frames.some(({ type }) => type === resetStream)).toBe(false);
  client.request(3, {}, { isLast: false });
  for (let i = 0; i < 100; i++) client.data(3, Buffer.alloc(10_000));
  expect(await client.reset(3)).toBe(errorCodes.none);
});

test('more streams than agreed are refused, and only those', async () => {
  const streams: ServerStream[] = [];
  accept = (stream) => streams.push(stream);
  using client = await RawClient.connect(port);
  for (let i = 0; i < 11; i++) client.request(2 * i + 1);
  expect(await client.reset(21)).toBe(errorCodes.refusedStream);
  expect(streams).toHaveLength(10);
  streams[0]!.respond(ok, { isLast: true });
  await client.answer(1);
  client.request(23);
  await pong(client, 1);
  expect(streams).toHaveLength(11);
});

test('closing lets requests finish and takes no new ones', async () => {
  const streams: ServerStream[] = [];
  accept = (stream) => streams.push(stream);
  using client = await RawClient.connect(port);
  client.request(1);
  await pong(client, 1);
  connection.close();
  const { payload } = await client.next(({ type }) => type === frameTypes.goAway);
  expect([payload.readUInt32BE(0), payload.readUInt32BE(4)]).toEqual([1, errorCodes.none]);
  client.request(3);
  await pong(client, 2);
  expect(streams).toHaveLength(1);
  streams[0]!.respond(ok);
  streams[0]!.end(Buffer.from('done'));
  expect((await client.answer(1)).body.toString()).toBe('done');
  await once(client.socket, 'close');
});

test.each<[string, (client: RawClient) => void, number]>([
  [
    'a frame that is too large',
    (c) => c.send(data, 0, 1, Buffer.alloc(16_385)),
    errorCodes.frameSize,
  ],
  ['data without headers', (c) => c.data(1, Buffer.from('x')), errorCodes.protocol],
  ['data for no stream', (c) => c.data(0, Buffer.from('x')), errorCodes.protocol],
  ['a stream with an even number', (c) => c.request(2), errorCodes.protocol],
  ['a ping that is too short', (c) => c.send(ping, 0, 0, Buffer.alloc(7)), errorCodes.frameSize],
  [
    'settings that are cut off',
    (c) => c.send(settings, 0, 0, Buffer.alloc(5)),
    errorCodes.frameSize,
  ],
  [
    'an initial window that is too large',
    (c) => c.send(settings, 0, 0, settingsOf([settingIds.initialWindowSize, 2 ** 31])),
    errorCodes.flowControl,
  ],
  [
    'a window that grows beyond all bounds',
    (c) => c.send(windowUpdate, 0, 0, numberPayload(0x7fffffff)),
    errorCodes.flowControl,
  ],
  ['a window that grows by nothing', (c) => c.send(windowUpdate, 0, 0, numberPayload(0)), 1],
  ['a push', (c) => c.send(frameTypes.pushPromise, 0, 1, Buffer.alloc(4)), errorCodes.protocol],
  ['a block that is interrupted', interruptedBlock, errorCodes.protocol],
  ['a block without a beginning', (c) => c.send(continuation, flags.endHeaders, 1), 1],
  ['headers that cannot be read', (c) => c.send(headers, 5, 1, Buffer.of(0xbe)), 9],
  ['padding longer than its frame', (c) => c.send(headers, 0xd, 1, Buffer.of(200, 1)), 1],
  ['a block without an end', endlessBlock, errorCodes.enhanceYourCalm],
  ['more data than the connection takes', tooMuchData, errorCodes.flowControl],
])('%s ends the connection', async (_, send, code) => {
  accept = () => {};
  using client = await RawClient.connect(port);
  send(client);
  expect(await client.goAway()).toBe(code);
  await once(client.socket, 'close');
});

function interruptedBlock(client: RawClient): void {
  client.send(headers, 0, 1, requestBlock());
  client.send(ping, 0, 0, Buffer.alloc(8));
}

function endlessBlock(client: RawClient): void {
  client.send(headers, 0, 1, requestBlock());
  for (let i = 0; i < 70; i++) client.send(continuation, 0, 1);
}

function tooMuchData(client: RawClient): void {
  for (let id = 1; id < 9; id += 2) {
    client.request(id, {}, { isLast: false });
    for (let i = 0; i < 9; i++) client.data(id, Buffer.alloc(10_000));
  }
}

test.each<[string, (client: RawClient) => void, number]>([
  ['a body longer than announced', bodyOf(3, 'four'), errorCodes.protocol],
  ['a body shorter than announced', bodyOf(5, 'four'), errorCodes.protocol],
  ['a header of HTTP/1.1', (c) => c.request(1, { connection: 'close' }), errorCodes.protocol],
  ['a name in capitals', (c) => c.request(1, { 'X-A': '1' }), errorCodes.protocol],
  ['a value with a line break', (c) => c.request(1, { a: 'x\r\nb: c' }), errorCodes.protocol],
  ['a pseudo-header after others', (c) => c.request(1, { a: '', ':b': '' }), errorCodes.protocol],
  ['a path that is none', (c) => c.request(1, { ':path': 'x' }), errorCodes.protocol],
  ['more data than the stream takes', tooMuchOnStream, errorCodes.flowControl],
  ['data after the end', dataAfterEnd, errorCodes.streamClosed],
  ['a window beyond all bounds', windowOverflow, errorCodes.flowControl],
])('%s ends the stream, not the connection', async (_, send, code) => {
  accept = () => {};
  using client = await RawClient.connect(port);
  send(client);
  expect(await client.reset(1)).toBe(code);
  accept = echo;
  client.request(3, {}, { isLast: false });
  client.data(3, Buffer.from('well'), true);
  expect((await client.answer(3)).body.toString()).toBe('well');
});

function bodyOf(announced: number, body: string): (client: RawClient) => void {
  return (client) => {
    client.request(1, { 'content-length': String(announced) }, { isLast: false });
    client.data(1, Buffer.from(body), true);
  };
}

function tooMuchOnStream(client: RawClient): void {
  client.request(1, {}, { isLast: false });
  for (let i = 0; i < 11; i++) client.data(1, Buffer.alloc(10_000));
}

function dataAfterEnd(client: RawClient): void {
  client.request(1);
  client.data(1, Buffer.from('more'));
}

function windowOverflow(client: RawClient): void {
  client.request(1);
  client.send(windowUpdate, 0, 1, numberPayload(0x7fffffff));
}

test('too many headers are answered with 431', async () => {
  using client = await RawClient.connect(port);
  const block = requestBlock({ 'x-long': 'v'.repeat(70_000) });
  client.send(headers, flags.endStream, 1, block.subarray(0, 16_000));
  for (let at = 16_000; at < block.length; at += 16_000) {
    const isEnd = at + 16_000 >= block.length;
    client.send(continuation, isEnd ? flags.endHeaders : 0, 1, block.subarray(at, at + 16_000));
  }
  expect((await client.answer(1)).headers[':status']).toBe('431');
});

test('who takes back request after request is sent away', async () => {
  let accepted = 0;
  accept = () => accepted++;
  using client = await RawClient.connect(port);
  const cancel = numberPayload(errorCodes.cancel);
  const openAndReset = (from: number, count: number): void => {
    const frames: Buffer[] = [];
    for (let id = from; id < from + 2 * count; id += 2) {
      frames.push(frameBytes(headers, flags.endHeaders | flags.endStream, id, requestBlock()));
      frames.push(frameBytes(resetStream, 0, id, cancel));
    }
    client.socket.write(Buffer.concat(frames));
  };
  openAndReset(1, 1000);
  await pong(client, 1);
  elapsed = 1000;
  openAndReset(2001, 100);
  await pong(client, 2);
  expect(accepted).toBe(1100);
  openAndReset(2201, 1);
  expect(await client.goAway()).toBe(errorCodes.enhanceYourCalm);
});

test('who asks and asks and never reads is not answered for ever', async () => {
  using client = await RawClient.connect(port);
  client.socket.pause();
  const pings = Buffer.concat(Array.from({ length: 4000 }, () => frameBytes(ping, 0, 0, eight)));
  const closed = new Promise<void>((resolve) => {
    client.socket.once('close', resolve);
  });
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      client.socket.once('drain', resolve);
    });
  for (let i = 0; i < 2000 && !client.socket.destroyed; i++) {
    if (!client.socket.write(pings)) await Promise.race([drained(), closed]);
  }
  expect(client.socket.destroyed).toBe(true);
});

const eight = Buffer.alloc(8);

test('who does not speak HTTP/2 is sent away', async () => {
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\n\r\n');
  socket.resume();
  await once(socket, 'close');
  expect(socket.bytesRead).toBeGreaterThan(0); // it is told so
});

/** Waits until the server has seen everything sent so far. */
async function pong(client: RawClient, count: number): Promise<void> {
  const payload = Buffer.alloc(8, count);
  client.send(ping, 0, 0, payload);
  await client.next(
    (frame) => frame.type === ping && frame.flags === flags.ack && frame.payload.equals(payload),
  );
}

function settingsOf([id, value]: [number, number]): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(id, 0);
  payload.writeUInt32BE(value, 2);
  return payload;
}
