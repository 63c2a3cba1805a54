import { expect, test } from 'vitest';
import { WarpClock } from '../../../test/controller-facts/warp-clock.ts';
import { ageOf, type Sleep } from './clock.ts';
import { ClusterClock } from './cluster-clock.ts';

const hour = 3_600_000;
const start = Date.UTC(2026, 0, 1);

function setUp() {
  const host = new WarpClock(start, () => Promise.resolve());
  const clock = new ClusterClock(host);
  const sleeps: Sleep[] = [];
  clock.pauses.onWake((sleep) => sleeps.push(sleep));
  const began = clock.elapsed();
  const fired: number[] = [];
  const timer = (ms: number) => clock.after(ms, () => void fired.push(clock.elapsed() - began));
  return { host, clock, sleeps, fired, timer, began };
}

test.each([
  ['told, on a monotonic clock that counts it', { isTold: true, isCounted: true }],
  ['told, on a monotonic clock that stands still', { isTold: true, isCounted: false }],
  ['noticed, on a monotonic clock that counts it', { isTold: false, isCounted: true }],
  ['noticed, on a monotonic clock that stands still', { isTold: false, isCounted: false }],
])(
  'an hour of sleep, %s: timers keep what they had left, nothing ages, the wall moves on',
  async (_, how) => {
    const { host, clock, sleeps, fired, timer, began } = setUp();
    await host.advance(60_000);
    timer(30_000);
    await host.advance(10_000);
    if (how.isTold) clock.pause();
    host.sleep(hour, { isCounted: how.isCounted });
    if (how.isTold) clock.resume();
    await host.advance(19_000);
    expect(fired).toEqual([]);
    await host.advance(10_000);
    expect(fired).toHaveLength(1);
    // What was lost before a sleep was noticed is at most one look.
    expect(fired[0]! - 90_000).toBeLessThanOrEqual(5);
    expect(clock.elapsed() - began).toBeGreaterThanOrEqual(94_000);
    expect(clock.elapsed() - began).toBeLessThanOrEqual(99_000);
    expect(clock.now()).toBe(start + hour + 99_000);
    const age = ageOf(clock, start);
    expect(age).toBeGreaterThanOrEqual(94_000);
    expect(age).toBeLessThanOrEqual(99_000);
    expect(ageOf(clock, clock.now() - 1000)).toBe(1000);
    expect(sleeps).toHaveLength(1);
    expect(sleeps[0]!.until - sleeps[0]!.from).toBeGreaterThanOrEqual(hour);
  },
);

test('an event loop that was blocked for half a minute counts as a sleep', async () => {
  const { host, clock, sleeps } = setUp();
  await host.advance(60_000);
  host.sleep(30_000);
  await host.advance(5_000);
  expect(sleeps).toHaveLength(1);
  expect(ageOf(clock, start)).toBeLessThanOrEqual(65_000);
});

test('a late turn, and a wall clock put right by some seconds, are no sleep', async () => {
  const { host, clock, sleeps, began } = setUp();
  await host.advance(60_000);
  host.sleep(10_000);
  host.sleep(10_000, { isCounted: false });
  await host.advance(60_000);
  host.sleep(-hour, { isCounted: false });
  await host.advance(60_000);
  expect(sleeps).toEqual([]);
  expect(clock.elapsed() - began).toBe(190_000);
});

test('a sleep that was announced and does not come ends by itself', async () => {
  const { host, clock, fired, timer } = setUp();
  timer(1_000);
  clock.pause();
  await host.advance(30_000);
  expect(fired).toEqual([]);
  await host.advance(40_000);
  expect(fired).toEqual([1_000]);
});

test('what is held does not age, though the clock runs; holds and sleeps may overlap', async () => {
  const { host, clock, fired, timer } = setUp();
  await host.advance(10_000);
  clock.pause();
  host.sleep(hour);
  clock.resume();
  const hold = clock.pauses.hold();
  timer(1_000);
  await host.advance(20_000);
  expect([fired.length, clock.pauses.isHeld, ageOf(clock, start)]).toEqual([1, true, 10_000]);
  clock.pause();
  host.sleep(hour);
  clock.resume();
  await host.advance(20_000);
  hold[Symbol.dispose]();
  await host.advance(5_000);
  expect([clock.pauses.isHeld, ageOf(clock, start)]).toEqual([false, 15_000]);
  expect(ageOf(clock, clock.now() - 2_000)).toBe(2_000);
});

test('a timer that is disposed of in a pause never goes off', async () => {
  const { host, clock, fired, timer } = setUp();
  const one = timer(1_000);
  clock.pause();
  await host.advance(10_000);
  one[Symbol.dispose]();
  clock.resume();
  await host.advance(10_000);
  expect(fired).toEqual([]);
});
