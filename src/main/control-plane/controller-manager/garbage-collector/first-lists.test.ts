import { expect, test } from 'vitest';
import { FirstLists } from './first-lists.ts';
import { FakeClock } from '../../../../../test/support/fake-clock.ts';
import { configMaps } from '#shared/api/core/config-map.ts';
import { pods } from '#shared/api/core/pod.ts';

async function isOver(lists: FirstLists): Promise<boolean> {
  return await Promise.race([
    lists.over().then(() => true),
    new Promise<boolean>((resolve) => setImmediate(() => resolve(false))),
  ]);
}

test('Collecting waits for every list, for none of a kind that has gone, and half a minute at most', async () => {
  const clock = new FakeClock();
  using lists = new FirstLists(clock);
  const never = new Promise<void>(() => {});
  const { promise: listed, resolve } = Promise.withResolvers<void>();
  expect(await isOver(lists)).toBe(true);
  lists.add(pods, listed);
  lists.add(configMaps, never);
  expect(await isOver(lists)).toBe(false);
  resolve();
  expect(await isOver(lists)).toBe(false);
  lists.remove(configMaps);
  expect(await isOver(lists)).toBe(true);
  lists.add(configMaps, never);
  await clock.advance(29_999);
  expect(await isOver(lists)).toBe(false);
  await clock.advance(1);
  expect(await isOver(lists)).toBe(true);
});
