/**
 * Cron schedules as upstream's parser reads them: five fields or a descriptor, optionally after
 * `TZ=` or `CRON_TZ=`; a field that is restricted to days of the month and one restricted to days of
 * the week are alternatives.
 */
export interface CronSchedule {
  /** The first time after this one, both in ms; `undefined` if there is none within five years. */
  next(after: number): number | undefined;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: Readonly<Record<string, number>>;
}

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const weekdays = 'sun mon tue wed thu fri sat'.split(' ');
const bounds: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: Object.fromEntries(months.map((name, at) => [name, at + 1])) },
  { min: 0, max: 6, names: Object.fromEntries(weekdays.map((name, at) => [name, at])) },
];

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const minuteMs = 60_000;
const hourMs = 3_600_000;
const everyUnits: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: minuteMs,
  h: hourMs,
};

/** Throws with upstream's sentence when the text is no schedule or the zone is unknown. */
export function parseCron(text: string, zone = 'UTC'): CronSchedule {
  if (text === '') throw new Error('empty spec string');
  let spec = text;
  let timeZone = zone;
  const prefix = /^(?:CRON_)?TZ=(\S*)(?:\s+(.*))?$/s.exec(text);
  if (prefix) {
    timeZone = prefix[1]!;
    spec = (prefix[2] ?? '').trim();
  }
  const clock = wallClock(timeZone);
  if (spec.startsWith('@every ')) return everyDuration(spec.slice('@every '.length));
  if (spec.startsWith('@') && !descriptors[spec])
    throw new Error(`unrecognized descriptor: ${spec}`);
  const fields = (descriptors[spec] ?? spec).split(/\s+/).filter(Boolean);
  if (fields.length !== 5)
    throw new Error(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  const [minutes, hours, days, inMonths, onWeekdays] = fields.map((field, at) =>
    parseField(field, bounds[at]!),
  ) as [Field, Field, Field, Field, Field];
  return { next: (after) => search({ minutes, hours, days, inMonths, onWeekdays, clock }, after) };
}

interface Field {
  readonly values: ReadonlySet<number>;
  readonly isStar: boolean;
}

function parseField(text: string, limits: Bounds): Field {
  const values = new Set<number>();
  let isStar = false;
  for (const part of text.split(',').filter(Boolean)) {
    const range = parseRange(part, limits);
    isStar ||= range.isStar;
    for (let value = range.first; value <= range.last; value += range.step) values.add(value);
  }
  return { values, isStar };
}

function parseRange(
  text: string,
  limits: Bounds,
): { first: number; last: number; step: number; isStar: boolean } {
  const [span = '', step, ...tooManySlashes] = text.split('/');
  const [low = '', high, ...tooManyDashes] = span.split('-');
  if (tooManyDashes.length > 0) throw new Error(`too many hyphens: ${text}`);
  if (tooManySlashes.length > 0) throw new Error(`too many slashes: ${text}`);
  const isAll = low === '*' || low === '?';
  const first = isAll ? limits.min : parseValue(low, limits);
  let last = isAll ? limits.max : high === undefined ? first : parseValue(high, limits);
  const every = step === undefined ? 1 : parseInteger(step);
  // `N/step` means from N to the end.
  if (step !== undefined && !isAll && high === undefined) last = limits.max;
  if (first < limits.min)
    throw new Error(`beginning of range (${first}) below minimum (${limits.min}): ${text}`);
  if (last > limits.max)
    throw new Error(`end of range (${last}) above maximum (${limits.max}): ${text}`);
  if (first > last)
    throw new Error(`beginning of range (${first}) beyond end of range (${last}): ${text}`);
  if (every === 0) throw new Error(`step of range should be a positive number: ${text}`);
  return { first, last, step: every, isStar: isAll && every === 1 };
}

function parseValue(text: string, { names }: Bounds): number {
  return names?.[text.toLowerCase()] ?? parseInteger(text);
}

function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text))
    throw new Error(
      `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  if (Number(text) < 0) throw new Error(`negative number (${Number(text)}) not allowed: ${text}`);
  return Number(text);
}

function everyDuration(text: string): CronSchedule {
  const parts = [...text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text)
    throw new Error(
      `failed to parse duration @every ${text}: time: invalid duration ${JSON.stringify(text)}`,
    );
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * everyUnits[unit!]!, 0);
  const wholeSeconds = Math.max(1000, Math.trunc(ms / 1000) * 1000);
  return { next: (after) => Math.trunc(after / 1000) * 1000 + wholeSeconds };
}

interface Wall {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly weekday: number;
}

interface WallClock {
  at(ms: number): Wall;
  /** Midnight of that date; months and days may overflow. */
  midnight(year: number, month: number, day: number): number;
}

function wallClock(zone: string): WallClock {
  if (zone === 'UTC' || zone === '')
    return {
      at: (ms) => wallOf(ms),
      midnight: (year, month, day) => Date.UTC(year, month - 1, day),
    };
  const format = zoneFormat(zone);
  const offsetAt = (ms: number): number => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value);
    const { year, month, day, hour, minute, second } = parts;
    return Date.UTC(year!, month! - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000;
  };
  return {
    at: (ms) => wallOf(ms + offsetAt(ms)),
    midnight(year, month, day) {
      const wall = Date.UTC(year, month - 1, day);
      const guess = wall - offsetAt(wall);
      return wall - offsetAt(guess);
    },
  };
}

function zoneFormat(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (error) {
    throw new Error(`provided bad location ${timeZone}: unknown time zone ${timeZone}`, {
      cause: error,
    });
  }
}

/** True for a name of the time zone database. */
export function isTimeZone(name: string): boolean {
  try {
    zoneFormat(name);
    return true;
  } catch {
    return false;
  }
}

function wallOf(ms: number): Wall {
  const date = new Date(ms);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    weekday: date.getUTCDay(),
  };
}

interface Parsed {
  readonly minutes: Field;
  readonly hours: Field;
  readonly days: Field;
  readonly inMonths: Field;
  readonly onWeekdays: Field;
  readonly clock: WallClock;
}

/** Walks real time, so that hours that a change of the clock skips are skipped, and doubled ones run twice. */
function search(schedule: Parsed, after: number): number | undefined {
  const { minutes, hours, inMonths, clock } = schedule;
  let time = (Math.floor(after / minuteMs) + 1) * minuteMs;
  const lastYear = clock.at(time).year + 5;
  for (;;) {
    const wall = clock.at(time);
    if (wall.year > lastYear) return undefined;
    if (!inMonths.values.has(wall.month)) time = clock.midnight(wall.year, wall.month + 1, 1);
    else if (!isDay(schedule, wall)) time = clock.midnight(wall.year, wall.month, wall.day + 1);
    else if (!hours.values.has(wall.hour)) time += hourMs - wall.minute * minuteMs;
    else if (!minutes.values.has(wall.minute)) time += minuteMs;
    else return time;
  }
}

function isDay({ days, onWeekdays }: Parsed, { day, weekday }: Wall): boolean {
  const isDate = days.values.has(day);
  const isWeekday = onWeekdays.values.has(weekday);
  return days.isStar || onWeekdays.isStar ? isDate && isWeekday : isDate || isWeekday;
}
