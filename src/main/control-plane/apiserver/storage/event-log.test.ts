import { expect, test } from 'vitest';
import { EventLog, StorageEvent } from './event-log.ts';

test('After a burst the log lets go of what is no longer fresh, though nothing more happens', () => {
  const log = new EventLog(0);
  for (let revision = 1; revision <= 5_000; revision++)
    log.append(new StorageEvent(revision, undefined, undefined), 1_000);
  log.forget(60_000);
  expect(log.since(0)).toHaveLength(5_000);
  log.forget(200_000);
  expect(log.since(0)).toBeUndefined();
  const left = log.since(log.completeSince)!;
  expect(left.map(({ revision }) => revision)).toEqual(
    Array.from({ length: 128 }, (_, at) => 4_873 + at),
  );
});
