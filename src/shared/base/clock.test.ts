import { expect, test } from 'vitest';
import { sleep } from '#shared/base/clock.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';

test.each([
  ['already', true],
  ['meanwhile', false],
])('a wait that is aborted %s rejects with the reason, and throws nothing', async (_, isBefore) => {
  const stop = new AbortController();
  const reason = new Error('stopped');
  if (isBefore) stop.abort(reason);
  const outcome = sleep(new FakeClock(), 1000, stop.signal).catch((error: unknown) => error);
  stop.abort(reason);
  expect(await outcome).toBe(reason);
});
