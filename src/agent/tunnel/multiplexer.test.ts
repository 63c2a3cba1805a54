import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Duplex, duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { Multiplexer, type StreamRequest } from '#agent/tunnel/multiplexer.ts';
import { windowBytes } from '#agent/tunnel/tunnel-stream.ts';

interface Pair extends Disposable {
  readonly desktop: Multiplexer;
  readonly node: Multiplexer;
  readonly cable: Duplex;
}

function connected(
  onNodeRequest: (request: StreamRequest) => void,
  onDesktopRequest = refuse,
): Pair {
  const [left, right] = duplexPair();
  const desktop = new Multiplexer({ transport: left, end: 'desktop', onRequest: onDesktopRequest });
  const node = new Multiplexer({ transport: right, end: 'node', onRequest: onNodeRequest });
  return {
    desktop,
    node,
    cable: left,
    [Symbol.dispose]() {
      desktop[Symbol.dispose]();
      node[Symbol.dispose]();
    },
  };
}

function refuse(request: StreamRequest): void {
  request.refuse('nothing is served here');
}

const echo = (request: StreamRequest): void => {
  const stream = request.accept();
  stream.pipe(stream);
};

test('streams opened from both ends carry megabytes both ways at once', async () => {
  using pair = connected(echo, echo);
  const sent = Array.from({ length: 6 }, () => randomBytes(3_000_000));
  const received = await Promise.all(
    sent.map(async (bytes, at) => {
      const stream = await (at % 2 ? pair.desktop : pair.node).open({ at });
      stream.end(bytes);
      return buffer(stream);
    }),
  );
  expect(received.map((bytes, at) => bytes.equals(sent[at]!))).toEqual(sent.map(() => true));
});

test('a stream that nobody reads holds at most a window and stops no other', async () => {
  const idle: Duplex[] = [];
  using pair = connected((request) => {
    if (request.wanted === 'idle') idle.push(request.accept());
    else echo(request);
  });
  const stuck = await pair.desktop.open('idle');
  stuck.write(Buffer.alloc(4 * windowBytes));
  const other = await pair.desktop.open('echo');
  other.end('hello');
  expect((await buffer(other)).toString()).toBe('hello');
  expect(idle[0]!.readableLength).toBeLessThanOrEqual(windowBytes);
  const all = buffer(idle[0]!);
  stuck.end();
  expect((await all).length).toBe(4 * windowBytes);
});

test('a refusal says why, a reset reaches the other end, a half that ends leaves the other', async () => {
  const accepted: Duplex[] = [];
  using pair = connected((request) => {
    if (request.wanted === 'no') request.refuse('connect ECONNREFUSED');
    else accepted.push(request.accept().on('error', () => {}));
  });
  await expect(pair.desktop.open('no')).rejects.toThrow('connect ECONNREFUSED');
  const broken = await pair.desktop.open('yes');
  const failed = once(broken, 'error');
  accepted[0]!.destroy(new Error('disk on fire'));
  expect((await failed)[0]).toMatchObject({ message: 'disk on fire' });
  const half = await pair.desktop.open('yes');
  half.end('question');
  expect((await buffer(accepted[1]!)).toString()).toBe('question');
  accepted[1]!.end('answer');
  expect((await buffer(half)).toString()).toBe('answer');
});

test('when the way is lost every stream and every wish for one ends with the reason', async () => {
  const accepted: Duplex[] = [];
  using pair = connected((request) => {
    if (request.wanted === 'open') accepted.push(request.accept());
  });
  const stream = await pair.desktop.open('open');
  accepted[0]!.on('error', () => {}); // the other end hears of it, too
  const failed = once(stream, 'error');
  const waiting = pair.desktop.open('never answered');
  await pair.desktop.ping();
  pair.cable.destroy(new Error('cable pulled'));
  await expect(waiting).rejects.toThrow('cable pulled');
  expect((await failed)[0]).toMatchObject({ message: 'The tunnel has ended: cable pulled' });
  expect(await pair.desktop.ended).toBe('cable pulled');
  await expect(pair.desktop.open('late')).rejects.toThrow('cable pulled');
  await expect(pair.desktop.ping()).rejects.toThrow('cable pulled');
});

test('a ping to nobody ends when its signal says so', async () => {
  const [left] = duplexPair();
  using lonely = new Multiplexer({ transport: left, end: 'desktop', onRequest: refuse });
  const deadline = new AbortController();
  const ping = lonely.ping(deadline.signal);
  deadline.abort(new Error('five seconds have passed'));
  await expect(ping).rejects.toThrow('five seconds');
});

test('what is no tunnel is recognised', async () => {
  const [left, right] = duplexPair();
  using end = new Multiplexer({ transport: left, end: 'desktop', onRequest: refuse });
  right.write('HTTP/1.1 400 Bad Request\r\n\r\n');
  expect(await end.ended).toContain('what is no tunnel');
});
