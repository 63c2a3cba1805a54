import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ageOf } from '#shared/base/clock.ts';
import { ClusterClock } from '#shared/base/cluster-clock.ts';
import { createLog, silentLog } from '#shared/base/log.ts';
import { WarpClock } from '../../../test/controller-facts/warp-clock.ts';
import { keepSleeps } from './sleeps.ts';

const minute = 60_000;
const start = Date.UTC(2026, 0, 1);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pilothouse-sleeps-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('what was slept through before a restart has not aged after it either', async () => {
  const path = join(folder, 'sleeps.json');
  const host = new WarpClock(start, () => Promise.resolve());
  for (let process = 1; process <= 3; process++) {
    const clock = new ClusterClock(host);
    await using _sleeps = await keepSleeps(path, clock, silentLog);
    expect(ageOf(clock, start)).toBe((process - 1) * 3 * minute);
    await host.advance(minute);
    clock.pause();
    host.sleep(60 * minute);
    clock.resume();
    await host.advance(minute);
    const hold = clock.pauses.hold();
    await host.advance(minute);
    hold[Symbol.dispose]();
    await host.advance(minute);
    clock[Symbol.dispose]();
  }
});

test('a file that cannot be understood is done without, and the log says so', async () => {
  const path = join(folder, 'damaged.json');
  await writeFile(path, '[{"from": 1');
  const said: string[] = [];
  const log = createLog(({ sentence }) => said.push(sentence));
  const clock = new ClusterClock(new WarpClock(start, () => Promise.resolve()));
  await using _sleeps = await keepSleeps(path, clock, log);
  expect([ageOf(clock, start), said]).toEqual([
    0,
    ['Cannot read when the machine slept; going on without'],
  ]);
});
