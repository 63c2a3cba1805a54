import type { LibraryEntry } from '#shared/cel/functions.ts';
import { CelError, type CelDuration, type CelTimestamp } from '#shared/cel/values.ts';

type Part = (date: Date) => number;

const parts: readonly (readonly [string, Part])[] = [
  ['getFullYear', (date) => date.getUTCFullYear()],
  ['getMonth', (date) => date.getUTCMonth()],
  ['getDayOfYear', dayOfYear],
  ['getDayOfMonth', (date) => date.getUTCDate() - 1],
  ['getDate', (date) => date.getUTCDate()],
  ['getDayOfWeek', (date) => date.getUTCDay()],
  ['getHours', (date) => date.getUTCHours()],
  ['getMinutes', (date) => date.getUTCMinutes()],
  ['getSeconds', (date) => date.getUTCSeconds()],
  ['getMilliseconds', (date) => date.getUTCMilliseconds()],
];

function dayOfYear(date: Date): number {
  const start = Date.UTC(date.getUTCFullYear(), 0, 1);
  return Math.floor((date.getTime() - start) / 86_400_000);
}

const durationUnits: readonly (readonly [string, bigint])[] = [
  ['getHours', 3_600_000_000_000n],
  ['getMinutes', 60_000_000_000n],
  ['getSeconds', 1_000_000_000n],
];

export const timeFunctions: readonly LibraryEntry[] = [
  ...parts.flatMap(([name, part]): LibraryEntry[] => [
    [`timestamp::${name}(): int`, (time: CelTimestamp) => BigInt(part(dateOf(time)))],
    [
      `timestamp::${name}(string): int`,
      (time: CelTimestamp, zone: string) => BigInt(part(shifted(dateOf(time), zone))),
    ],
  ]),
  ...durationUnits.map(([name, unit]): LibraryEntry => [
    `duration::${name}(): int`,
    ({ nanoseconds }: CelDuration) => nanoseconds / unit,
  ]),
  [
    'duration::getMilliseconds(): int',
    ({ nanoseconds }: CelDuration) => (nanoseconds / 1_000_000n) % 1000n,
  ],
];

function dateOf({ nanoseconds }: CelTimestamp): Date {
  return new Date(Math.floor(Number(nanoseconds / 1_000n) / 1000));
}

/** The date whose UTC parts are those of the zone: an offset, or a name of the time zone database. */
function shifted(date: Date, zone: string): Date {
  const [, sign, hours, minutes] = /^([+-]?)(\d\d):(\d\d)$/.exec(zone) ?? [];
  if (hours) {
    const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
    return new Date(date.getTime() + offset * 60_000);
  }
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone || 'UTC',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    const values = new Map(
      format.formatToParts(date).map(({ type, value }) => [type, Number(value)]),
    );
    const at = (name: Intl.DateTimeFormatPartTypes): number => values.get(name) ?? 0;
    return new Date(
      Date.UTC(
        at('year'),
        at('month') - 1,
        at('day'),
        at('hour'),
        at('minute'),
        at('second'),
        date.getUTCMilliseconds(),
      ),
    );
  } catch (cause) {
    throw new CelError(`unknown time zone ${zone}`, { cause });
  }
}
