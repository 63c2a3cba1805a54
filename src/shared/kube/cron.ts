import { parseCronSyntax, type CronFields } from '#shared/kube/cron-syntax.ts';

/**
 * When a schedule is due, as upstream's parser has it: a field that is restricted to days of the
 * month and one restricted to days of the week are alternatives.
 */
export interface CronSchedule {
  /** The first time after this one, both in ms; `undefined` if there is none within five years. */
  next(after: number): number | undefined;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;

/** Throws with upstream's sentence when the text is no schedule or the zone is unknown. */
export function parseCron(text: string, zone = 'UTC'): CronSchedule {
  const { zone: own, when } = parseCronSyntax(text);
  const clock = wallClock(own === undefined || own === 'Local' ? zone : own);
  if ('everyMs' in when) {
    const wholeSeconds = Math.max(1000, Math.trunc(when.everyMs / 1000) * 1000);
    return { next: (after) => Math.trunc(after / 1000) * 1000 + wholeSeconds };
  }
  return { next: (after) => search({ ...when, clock }, after) };
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

interface Schedule extends CronFields {
  readonly clock: WallClock;
}

/** Walks real time, so that hours that a change of the clock skips are skipped, and doubled ones run twice. */
function search(schedule: Schedule, after: number): number | undefined {
  const { minutes, hours, months, clock } = schedule;
  let time = (Math.floor(after / minuteMs) + 1) * minuteMs;
  const lastYear = clock.at(time).year + 5;
  for (;;) {
    const wall = clock.at(time);
    if (wall.year > lastYear) return undefined;
    if (!months.values.has(wall.month)) time = clock.midnight(wall.year, wall.month + 1, 1);
    else if (!isDay(schedule, wall)) time = clock.midnight(wall.year, wall.month, wall.day + 1);
    else if (!hours.values.has(wall.hour)) time += hourMs - wall.minute * minuteMs;
    else if (!minutes.values.has(wall.minute)) time += minuteMs;
    else return time;
  }
}

function isDay({ days, weekdays }: Schedule, { day, weekday }: Wall): boolean {
  const isDate = days.values.has(day);
  const isWeekday = weekdays.values.has(weekday);
  return days.isStar || weekdays.isStar ? isDate && isWeekday : isDate || isWeekday;
}
