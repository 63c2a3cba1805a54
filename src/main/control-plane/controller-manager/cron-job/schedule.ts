import type { CronJob } from '#shared/api/types/batch-v1.ts';
import type { Sleep } from '#shared/base/clock.ts';
import type { CronSchedule } from '#shared/kube/cron.ts';
import { timeOf } from '../values.ts';

/** Upstream looks again this much after the next time. */
const nextDeltaMs = 100;

/** Counting ends here, as upstream's does. */
export const mostCounted = 100;

interface Recent {
  /** What the search began at. */
  readonly earliest: number;
  /** The last time that should have run by now. */
  readonly due: number | undefined;
  readonly missed: 'none' | 'few' | 'many';
}

function mostRecent(
  { metadata, status, spec }: CronJob,
  schedule: CronSchedule,
  { now, withDeadline }: { readonly now: number; readonly withDeadline: boolean },
): Recent {
  let earliest = timeOf(status.lastScheduleTime ?? metadata.creationTimestamp);
  if (withDeadline && spec.startingDeadlineSeconds !== undefined)
    earliest = Math.max(earliest, now - spec.startingDeadlineSeconds * 1000);
  const first = schedule.next(earliest);
  if (first === undefined || now < first) {
    if (first === undefined)
      throw new Error('time difference between two schedules is less than 1 second');
    return { earliest, due: undefined, missed: 'none' };
  }
  const second = schedule.next(first);
  if (second === undefined || now < second) return { earliest, due: first, missed: 'none' };
  const between = Math.round((second - first) / 1000);
  if (between < 1) throw new Error('time difference between two schedules is less than 1 second');
  const count = Math.trunc(Math.trunc((now - first) / 1000) / between) + 1;
  let due: number | undefined;
  let next = schedule.next(first + (count - 2) * between * 1000);
  while (next !== undefined && next <= now) {
    due = next;
    next = schedule.next(next);
  }
  return { earliest, due, missed: count > mostCounted ? 'many' : count > 0 ? 'few' : 'none' };
}

/** How long until the schedule should be looked at again. */
export function untilNext(job: CronJob, schedule: CronSchedule, now: number): number | undefined {
  let from = now;
  try {
    const { earliest, due, missed } = mostRecent(job, schedule, { now, withDeadline: false });
    from = due ?? (missed === 'none' ? earliest : now);
  } catch {
    // A schedule that never comes around is looked at from now on.
  }
  const next = schedule.next(from);
  return next === undefined ? undefined : next + nextDeltaMs - now;
}

/** The time that is due, if any, and whether more than a hundred were missed. */
export function dueTime(
  job: CronJob,
  schedule: CronSchedule,
  now: number,
): { due: number | undefined; hasMissedMany: boolean } {
  const { due, missed } = mostRecent(job, schedule, { now, withDeadline: true });
  return {
    due: due !== undefined && due <= now ? due : undefined,
    hasMissedMany: missed === 'many',
  };
}

/** How many times came while the host slept; `mostCounted` + 1 for more than that. */
export function countMissed(
  { metadata, status }: CronJob,
  schedule: CronSchedule,
  { from, until }: Sleep,
): number {
  const start = Math.max(from, timeOf(status.lastScheduleTime ?? metadata.creationTimestamp));
  let count = 0;
  let next = schedule.next(start);
  while (next !== undefined && next <= until && count <= mostCounted) {
    count++;
    next = schedule.next(next);
  }
  return count;
}

/** RFC 3339 in the zone, as Go prints it: `Z` for UTC. */
export function zonedTime(ms: number, zone: string | undefined): string {
  if (!zone || zone === 'UTC') return `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const parts: Record<string, string> = {};
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  });
  for (const { type, value } of format.formatToParts(ms)) parts[type] = value;
  const offset = parts['timeZoneName']?.replace('GMT', '') || 'Z';
  return `${parts['year']}-${parts['month']}-${parts['day']}T${parts['hour']}:${parts['minute']}:${parts['second']}${offset}`;
}
