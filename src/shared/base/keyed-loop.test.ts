import { expect, test } from 'vitest';
import { exponential, KeyedLoop } from '#shared/base/keyed-loop.ts';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';

test('a key runs once at a time, the latest addition wins, failures back off', async () => {
  const clock = new FakeClock();
  const runs: string[] = [];
  const gate = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  let fail = true;
  await using loop = new KeyedLoop<string>({
    clock,
    concurrency: 2,
    backoffMs: exponential(5, 1000),
    onError: (_key, error) => errors.push(error),
    async run(key) {
      runs.push(key);
      await gate.promise;
      if (key === 'bad' && fail) throw new Error('boom');
    },
  });
  loop.add('a');
  loop.add('a');
  loop.add('bad');
  expect(runs).toEqual(['a', 'bad']);
  loop.add('a');
  gate.resolve();
  await settle();
  expect(runs).toEqual(['a', 'bad', 'a']);
  expect(errors).toHaveLength(1);
  fail = false;
  await clock.advance(5);
  expect(runs).toEqual(['a', 'bad', 'a', 'bad']);
});

test('of several delayed additions of a key only the earliest runs', async () => {
  const clock = new FakeClock();
  let runs = 0;
  await using loop = new KeyedLoop<string>({
    clock,
    concurrency: 1,
    backoffMs: () => 0,
    onError: () => {},
    run: async () => void runs++,
  });
  loop.addAfter('a', 50);
  loop.addAfter('a', 10);
  loop.addAfter('a', 30);
  await clock.advance(9);
  expect(runs).toBe(0);
  await clock.advance(100);
  expect(runs).toBe(1);
});

test('a hundred thousand keys are worked through in the order they came, one after another', async () => {
  const clock = new FakeClock();
  const runs: number[] = [];
  const gate = Promise.withResolvers<void>();
  await using loop = new KeyedLoop<number>({
    clock,
    concurrency: 2,
    backoffMs: () => 0,
    onError: () => {},
    async run(key) {
      await gate.promise;
      runs.push(key);
    },
  });
  const keys = Array.from({ length: 100_000 }, (_, at) => at);
  for (const key of keys) loop.add(key);
  for (const key of keys) loop.add(key);
  gate.resolve();
  await expect.poll(() => runs.length).toBe(keys.length + 2);
  expect(runs.filter((key) => key > 1)).toEqual(keys.slice(2));
});
