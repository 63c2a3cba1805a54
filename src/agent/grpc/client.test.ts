import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { message, text } from '#shared/base/protobuf.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { GrpcClient } from './client.ts';
import { framed, framePrefixBytes } from './frames.ts';
import { grpcStatus } from './grpc-error.ts';
import { encode } from './protobuf.ts';

const type = message({ said: text(1) });
const method = { path: '/test.Service/Say', request: type, response: type };

let folder: string;
let path: string;
let client: GrpcClient;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'grpc-'));
  path = join(folder, 'server.sock');
  client = new GrpcClient({ target: `unix://${path}`, clock: systemClock });
});
afterEach(() => {
  client[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

const bytes = (said: string): Buffer => framed(encode(type, { said }, framePrefixBytes));

function answerWith(stream: ServerHttp2Stream, body: Buffer, trailers: object): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ ...trailers }));
  stream.end(body);
}

async function serve(answer: (stream: ServerHttp2Stream) => void): Promise<AsyncDisposable> {
  const sessions = new Set<{ destroy(): void }>();
  const server: Http2Server = createServer();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {}); // the client has ended it
    answer(stream);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a message that comes in pieces is read whole', async () => {
  const long = 'long '.repeat(50_000);
  await using _server = await serve((stream) =>
    answerWith(stream, bytes(long), { 'grpc-status': '0' }),
  );
  expect(await client.unary(method, { said: 'hello' })).toEqual({ said: long });
});

test('a server that is started anew is found again, and until then calls fail at once', async () => {
  const say = (stream: ServerHttp2Stream): void =>
    answerWith(stream, bytes('here'), { 'grpc-status': '0' });
  const absent = {
    status: grpcStatus.unavailable,
    message: `connection error: desc = "transport: Error while dialing: dial unix ${path}: connect: no such file or directory"`,
  };
  await expect(client.unary(method, {})).rejects.toMatchObject(absent);
  for (let round = 0; round < 2; round++) {
    await using _server = await serve(say);
    expect(await client.unary(method, {})).toEqual({ said: 'here' });
  }
  await expect(client.unary(method, {})).rejects.toMatchObject(absent);
});

test.each([
  [
    'a status with words that are escaped',
    (stream: ServerHttp2Stream) =>
      answerWith(stream, Buffer.alloc(0), { 'grpc-status': '5', 'grpc-message': 'no %22a%22' }),
    { status: 5, message: 'no "a"' },
  ],
  [
    'a status without anything else',
    (stream: ServerHttp2Stream) =>
      stream.respond(
        { ':status': 200, 'grpc-status': '12', 'grpc-message': 'unknown' },
        { endStream: true },
      ),
    { status: 12, message: 'unknown' },
  ],
  [
    'what is no gRPC server',
    (stream: ServerHttp2Stream) => stream.respond({ ':status': 503 }, { endStream: true }),
    {
      status: grpcStatus.unavailable,
      message: 'unexpected HTTP status code received from server: 503',
    },
  ],
  [
    'a connection that breaks off',
    (stream: ServerHttp2Stream) => stream.session?.destroy(),
    { status: grpcStatus.unavailable },
  ],
  [
    'a message that is too large',
    (stream: ServerHttp2Stream) =>
      answerWith(stream, Buffer.from([0, 0x7f, 0, 0, 0]), { 'grpc-status': '0' }),
    { status: grpcStatus.resourceExhausted },
  ],
  [
    'no message at all',
    (stream: ServerHttp2Stream) => answerWith(stream, Buffer.alloc(0), { 'grpc-status': '0' }),
    { status: grpcStatus.internal },
  ],
])('%s fails the call', async (_name, answer, failure) => {
  await using _server = await serve(answer);
  await expect(client.unary(method, {})).rejects.toMatchObject(failure);
});

test('a server that never says a word is not waited for longer than the call may take', async () => {
  const mute = createSocketServer((socket) => socket.resume());
  await new Promise<void>((resolve) => mute.listen(path, resolve));
  await expect(client.unary(method, {}, { timeoutMs: 20 })).rejects.toMatchObject({
    status: grpcStatus.deadlineExceeded,
    message: 'context deadline exceeded',
  });
  client[Symbol.dispose]();
  await new Promise((resolve) => mute.close(resolve));
});
