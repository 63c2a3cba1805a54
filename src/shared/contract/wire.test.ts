import * as v from 'valibot';
import { expect, test } from 'vitest';
import { call, stream } from '#shared/contract/contract.ts';
import { connect, serve, type Port } from '#shared/contract/wire.ts';
import { ApiError } from '#shared/kube/errors.ts';

const contract = {
  double: call(v.number()).returns<number>(),
  count: stream(v.strictObject({ upTo: v.number() })).yields<number>(),
};

function pair() {
  const sides = [new Set<(frame: never) => void>(), new Set<(frame: never) => void>()] as const;
  const closers = new Set<() => void>();
  const side = (mine: 0 | 1): Port<unknown, never> => ({
    send: (frame) =>
      queueMicrotask(() => {
        for (const receive of sides[mine === 0 ? 1 : 0]) receive(structuredClone(frame) as never);
      }),
    listen(receive, closed) {
      sides[mine].add(receive);
      closers.add(closed);
      return { [Symbol.dispose]: () => void sides[mine].delete(receive) };
    },
  });
  return { window: side(0), app: side(1), close: () => closers.forEach((close) => close()) };
}

function start() {
  const ports = pair();
  const refused: string[] = [];
  let wasAborted = false;
  const serving = serve(
    contract,
    {
      double: (n) => {
        if (n < 0) throw new ApiError('Invalid', 'too small');
        return n * 2;
      },
      async *count({ upTo }, { signal }) {
        signal.addEventListener('abort', () => (wasAborted = true));
        for (let n = 0; n < upTo; n++) yield await Promise.resolve(n);
      },
    },
    ports.app,
    { onRefused: (why) => refused.push(why) },
  );
  const client = connect(contract, ports.window);
  return { ...ports, serving, refused, client, wasAborted: () => wasAborted };
}

test('calls answer, streams yield, failures keep their reason', async () => {
  const { client, refused } = start();
  expect(await client.double(4)).toBe(8);
  const seen: number[] = [];
  for await (const n of client.count({ upTo: 3 })) seen.push(n);
  expect(seen).toEqual([0, 1, 2]);
  await expect(client.double(-1)).rejects.toMatchObject({ reason: 'Invalid' });
  expect(refused).toEqual([]);
});

test('whoever stops listening ends the work on the other side', async () => {
  const { client, wasAborted } = start();
  for await (const n of client.count({ upTo: 1_000_000 })) if (n === 2) break;
  await expect.poll(wasAborted).toBe(true);
});

test('malformed input and frames are refused and reported, nothing else breaks', async () => {
  const { client, window, refused } = start();
  await expect(client.double('x' as unknown as number)).rejects.toMatchObject({
    reason: 'BadRequest',
  });
  window.send({ type: 'request', id: -1, method: 'double', input: 1 });
  window.send('nonsense');
  window.send({ type: 'request', id: 77, method: 'toString', input: 1 });
  expect(await client.double(1)).toBe(2);
  expect(refused).toEqual([
    'a malformed input of double',
    'a frame of no known form',
    'a frame of no known form',
  ]);
});

test('a closed port fails what is open and what comes later', async () => {
  const { client, close } = start();
  const counting = (async () => {
    for await (const n of client.count({ upTo: 1_000_000 })) if (n === 1) close();
  })();
  await expect(counting).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  await expect(client.double(1)).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
});
