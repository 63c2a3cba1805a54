import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { Backoff } from './backoff.ts';

test('the first failure costs nothing, each one after it twice as much, up to a limit', async () => {
  const clock = new FakeClock();
  const backoff = new Backoff({ clock, initialMs: 10_000, maxMs: 300_000 });
  const waits: number[] = [];
  for (let tries = 0; tries < 8; tries++) {
    const wait = backoff.remaining('c', clock.now());
    waits.push(wait / 1000);
    await clock.advance(wait);
    backoff.next('c', clock.now());
  }
  expect(waits).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
});

test('a long run makes up for earlier failures', async () => {
  const clock = new FakeClock();
  const backoff = new Backoff({ clock, initialMs: 10_000, maxMs: 300_000 });
  for (let tries = 0; tries < 5; tries++) backoff.next('c', clock.now());
  await clock.advance(600_001);
  expect(backoff.remaining('c', clock.now())).toBe(0);
  backoff.next('c', clock.now());
  expect(backoff.remaining('c', clock.now())).toBe(10_000);
});

test('what is forgotten by its prefix begins anew', () => {
  const clock = new FakeClock();
  const backoff = new Backoff({ clock, initialMs: 10_000, maxMs: 300_000 });
  backoff.next('u/c', clock.now());
  backoff.next('v/c', clock.now());
  backoff.forget('u/');
  expect([backoff.remaining('u/c', clock.now()), backoff.remaining('v/c', clock.now())]).toEqual([
    0, 10_000,
  ]);
});
