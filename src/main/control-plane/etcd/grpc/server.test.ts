import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { frame, framePrefixBytes, FrameReader } from './frames.ts';
import { bytes, int64, message } from '#shared/base/protobuf.ts';
import { decode, encode } from './protobuf.ts';
import { startGrpcServer, streaming, unary, type GrpcServer } from './server.ts';
import { GrpcError, grpcStatus } from './status.ts';

const blob = message({ data: bytes(1), count: int64(2) });
let server: GrpcServer;
let client: ClientHttp2Session;

beforeAll(async () => {
  server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: silentLog,
    toError: (error) =>
      error instanceof GrpcError ? error : new GrpcError(grpcStatus.internal, String(error)),
    methods: [
      unary('/test/Echo', [blob, blob], async (request) => request),
      unary('/test/Refuse', [blob, blob], async () => {
        throw new GrpcError(grpcStatus.outOfRange, 'zu viel: 100 % ü');
      }),
      streaming('/test/Repeat', [blob, blob], (call) => {
        call.onMessage(({ data, count }) => {
          for (let i = 0; i < count; i++) call.write({ data, count: i });
        });
        call.onEnd(() => call.end());
      }),
    ],
  });
  client = connect(`http://127.0.0.1:${server.port}`);
});
afterAll(async () => {
  client.close();
  await server[Symbol.asyncDispose]();
});

test.each([0, 1, 16_379, 16_384, 70_000, 3_000_000])(
  'a message of %i bytes comes back',
  async (size) => {
    const data = Buffer.alloc(size, 'x');
    const { messages, status } = await call('/test/Echo', [{ data, count: size }]);
    expect(status).toBe('0');
    expect(messages).toHaveLength(1);
    expect(messages[0]!.count).toBe(size);
    expect(data.equals(messages[0]!.data)).toBe(true);
  },
);

test('many calls at once, with headers of every kind, are told apart', async () => {
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, i) =>
      call('/test/Echo', [{ count: i }], {
        [`x-${i % 90}`]: `value ${i} ~!@#$%^&*(){}"'`.repeat(i % 5),
      }),
    ),
  );
  expect(answers.map(({ messages }) => messages[0]?.count)).toEqual(answers.map((_, i) => i));
});

test('a refusal carries its status and its text', async () => {
  const { status, text } = await call('/test/Refuse', [{}]);
  expect({ status, text: decodeURIComponent(text) }).toEqual({
    status: '11',
    text: 'zu viel: 100 % ü',
  });
  expect(await call('/test/Unknown', [{}])).toMatchObject({
    status: '12',
    text: 'unknown method Unknown for service test',
  });
});

test('an answer of many messages keeps to what the client can take', async () => {
  const data = Buffer.alloc(50_000, 'y');
  const { messages, status } = await call('/test/Repeat', [
    { data, count: 60 },
    { data, count: 2 },
  ]);
  expect(status).toBe('0');
  expect(messages.map(({ count }) => count)).toEqual([...Array(60).keys(), 0, 1]);
  expect(messages.every((one) => data.equals(one.data))).toBe(true);
});

interface Answer {
  readonly messages: { readonly data: Uint8Array; readonly count: number }[];
  readonly status: string;
  readonly text: string;
}

function call(
  path: string,
  requests: object[],
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const stream = client.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    ...headers,
  });
  const frames = new FrameReader();
  const messages: Answer['messages'] = [];
  let ending = { status: '', text: '' };
  const note = (fields: IncomingHttpHeaders): void => {
    if (fields['grpc-status'] === undefined) return;
    ending = {
      status: fields['grpc-status'] as string,
      text: (fields['grpc-message'] as string | undefined) ?? '',
    };
  };
  stream.on('response', note);
  stream.on('trailers', note);
  stream.on('data', (chunk: Buffer) => {
    for (const one of frames.push(chunk)) messages.push(decode(blob, one));
  });
  stream.on('error', reject);
  stream.on('close', () => resolve({ messages, ...ending }));
  for (const request of requests) stream.write(frame(encode(blob, request, framePrefixBytes)));
  stream.end();
  return promise;
}
