import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { constants, createDeflate, inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { SpdyConnection } from '#main/control-plane/apiserver/streaming/spdy/connection.ts';
import { headerDictionary } from '#main/control-plane/apiserver/streaming/spdy/dictionary.ts';
import {
  controlFrame,
  dataFrame,
  fields,
  FrameParser,
  frameTypes,
} from '#main/control-plane/apiserver/streaming/spdy/frames.ts';
import {
  HeaderReader,
  HeaderWriter,
} from '#main/control-plane/apiserver/streaming/spdy/header-block.ts';
import type { SpdyStream } from '#main/control-plane/apiserver/streaming/spdy/stream.ts';

test('The dictionary is the one of SPDY/3', () => {
  expect(headerDictionary).toHaveLength(1423);
  expect(createHash('sha256').update(headerDictionary).digest('hex')).toBe(
    '51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02',
  );
});

test.each([
  [dataFrame(3, Buffer.from('hi'), true), '00000003010000026869'],
  [dataFrame(5, Buffer.alloc(0), false), '0000000500000000'],
  [controlFrame(frameTypes.rstStream, fields(1, 5)), '80030003000000080000000100000005'],
  [controlFrame(frameTypes.ping, fields(7)), '800300060000000400000007'],
])('A frame is laid out as the protocol says (%#)', (frame, hex) => {
  expect(frame.toString('hex')).toBe(hex);
});

test('Frames are found however the bytes are cut', () => {
  const bytes = Buffer.concat([
    dataFrame(1, Buffer.from('abc'), false),
    controlFrame(frameTypes.ping, fields(2)),
    dataFrame(3, Buffer.alloc(0), true),
  ]);
  for (let size = 1; size <= bytes.length; size++) {
    const parser = new FrameParser();
    const found: unknown[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      for (const frame of parser.feed(bytes.subarray(at, at + size))) {
        found.push(frame.isControl ? frame.type : [frame.stream, String(frame.data), frame.isLast]);
      }
    }
    expect(found).toEqual([[1, 'abc', false], 6, [3, '', true]]);
  }
});

test('What is not SPDY/3 is refused', () => {
  const other = Buffer.from('8002000100000000', 'hex');
  expect(() => [...new FrameParser().feed(other)]).toThrow('version 2 is not spoken here');
});

test('Header blocks come back, one after the other, long ones too', async () => {
  const writer = new HeaderWriter();
  using reader = new HeaderReader();
  const all = [
    { streamtype: 'stdin' },
    {},
    { port: '80', requestid: '0' },
    { x: 'y'.repeat(200_000) },
  ];
  for (const headers of all) {
    expect({ ...(await reader.read(writer.block(headers))) }).toEqual(headers);
  }
});

test('A header block is plain zlib to others', () => {
  const block = new HeaderWriter().block({ a: 'b' });
  const bytes = inflateSync(block, { finishFlush: constants.Z_SYNC_FLUSH });
  expect(bytes.toString('hex')).toBe('0000000100000001610000000162');
});

test('Header blocks that others compressed with the dictionary are read', async () => {
  const deflate = createDeflate({ dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH });
  using reader = new HeaderReader();
  for (const name of ['content-type', 'accept']) {
    const plain = Buffer.alloc(4 + 4 + name.length + 4 + 3);
    plain.writeUInt32BE(1);
    plain.writeUInt32BE(name.length, 4);
    plain.write(name, 8);
    plain.writeUInt32BE(3, 8 + name.length);
    plain.write('val', 12 + name.length);
    deflate.write(plain);
    await once(deflate, 'readable');
    expect({ ...(await reader.read(deflate.read() as Buffer)) }).toEqual({ [name]: 'val' });
  }
});

interface Pair {
  readonly client: SpdyConnection;
  readonly server: SpdyConnection;
  readonly accepted: SpdyStream[];
}

function connected(accept: (stream: SpdyStream) => void = () => {}): Pair {
  const [left, right] = socketPair();
  const accepted: SpdyStream[] = [];
  const server = new SpdyConnection({
    role: 'server',
    socket: right,
    accept(stream) {
      accepted.push(stream);
      accept(stream);
    },
  });
  return { client: new SpdyConnection({ role: 'client', socket: left }), server, accepted };
}

test('Streams carry both directions, and end one direction at a time', async () => {
  const { client, accepted } = connected((stream) => {
    void text(stream).then((all) => stream.end(`got ${all}`));
  });
  const one = await client.open({ streamtype: 'a' });
  const two = await client.open({ streamtype: 'b' });
  one.write('1');
  two.end('2');
  expect(await text(two)).toBe('got 2');
  one.end('3');
  expect(await text(one)).toBe('got 13');
  expect(accepted.map(({ id, headers }) => [id, headers['streamtype']])).toEqual([
    [1, 'a'],
    [3, 'b'],
  ]);
  client.close();
  await client.closed;
});

test('A megabyte goes through whole while the reader takes its time', async () => {
  const sent = Buffer.alloc(1 << 20, 'x');
  const { client } = connected((stream) => void stream.end(sent));
  const stream = await client.open({});
  await new Promise((resolve) => setImmediate(resolve));
  expect((await text(stream)).length).toBe(sent.length);
  client.destroy();
});

test('A stream that is given up is given up on the other side, and no other is', async () => {
  const { client, accepted } = connected();
  const one = await client.open({});
  const two = await client.open({});
  const closed = once(accepted[0]!.resume(), 'close');
  one.destroy();
  await closed;
  two.end('still here');
  expect(await text(accepted[1]!)).toBe('still here');
  client.destroy();
});

test('What came before a stream is given up can still be read', async () => {
  const { client, accepted } = connected();
  const stream = await client.open({});
  stream.write('the last words', () => stream.destroy());
  expect(await text(accepted[0]!)).toBe('the last words');
  client.destroy();
});

test('A connection that breaks ends its streams on both sides', async () => {
  const { client, server, accepted } = connected();
  const stream = await client.open({});
  const both = [stream, accepted[0]!].map((each) => new Promise((end) => each.once('close', end)));
  server.destroy();
  await Promise.all(both);
  await expect(client.open({})).rejects.toThrow('The connection was closed');
});

/** Two ends of one connection in memory. */
function socketPair(): readonly [Duplex, Duplex] {
  const ends: Duplex[] = [];
  for (const other of [1, 0]) {
    ends.push(
      new Duplex({
        read() {},
        write(chunk, _encoding, done) {
          ends[other]!.push(chunk);
          setImmediate(done);
        },
        final(done) {
          ends[other]!.push(null);
          done();
        },
        destroy(error, done) {
          const peer = ends[other]!;
          if (!peer.destroyed && !peer.readableEnded) peer.push(null);
          done(error);
        },
      }),
    );
  }
  return ends as unknown as readonly [Duplex, Duplex];
}
