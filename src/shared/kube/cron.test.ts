import { expect, test } from 'vitest';
import { parseCron } from '#shared/kube/cron.ts';

const at = (text: string): number => Date.parse(text);

test.each([
  ['* * * * *', '2026-01-01T00:00:30Z', '2026-01-01T00:01:00Z'],
  ['*/15 2-4 * * *', '2026-01-01T04:45:00Z', '2026-01-02T02:00:00Z'],
  ['0 0 31 2 *', '2026-01-01T00:00:00Z', undefined],
  ['0 12 13 * FRI', '2026-01-01T00:00:00Z', '2026-01-02T12:00:00Z'],
  ['30 8 * JAN-mar 1', '2026-03-30T09:00:00Z', '2027-01-04T08:30:00Z'],
  ['@hourly', '2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z'],
  ['@every 1h30m', '2026-01-01T00:00:00Z', '2026-01-01T01:30:00Z'],
  ['@every -5m', '2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'],
  ['TZ=Local 0 3 * * *', '2026-07-01T00:00:00Z', '2026-07-01T03:00:00Z'],
  ['TZ=Europe/Berlin 0 3 * * *', '2026-07-01T00:00:00Z', '2026-07-01T01:00:00Z'],
  // The hour that spring skips does not run that day.
  ['TZ=Europe/Berlin 30 2 * * *', '2026-03-28T12:00:00Z', '2026-03-30T00:30:00Z'],
])('%s after %s is %s', (schedule, after, next) => {
  expect(parseCron(schedule).next(at(after))).toBe(next && at(next));
});

test.each([
  ['', 'empty spec string'],
  ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['x * * * *', 'failed to parse int from x'],
  ['*/5/2 * * * *', 'too many slashes: */5/2'],
  ['-1 * * * *', 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'],
  ['@every soon', 'failed to parse duration @every soon: time: invalid duration "soon"'],
  ['TZ=UTC', 'invalid schedule format: runtime error: slice bounds out of range'],
  ['TZ=Moon 0 0 * * *', 'provided bad location Moon: unknown time zone Moon'],
  ['@never', 'unrecognized descriptor: @never'],
])('%s is no schedule', (schedule, why) => {
  expect(() => parseCron(schedule)).toThrow(why);
});
