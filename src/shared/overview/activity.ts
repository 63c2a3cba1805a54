import type { Event } from '#shared/api/types/core-v1.ts';
import { keyOf } from '#shared/kube/object.ts';

export interface Activity {
  readonly id: string;
  readonly isWarning: boolean;
  readonly at: string;
  readonly about: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
}

/** What has been reported, newest first; the same said of the same object more than once is one line. */
export function activityOf(events: Iterable<Event>, limit: number): readonly Activity[] {
  const groups = Map.groupBy(events, ({ involvedObject, reason, message }) =>
    JSON.stringify([involvedObject.uid, involvedObject.kind, involvedObject.name, reason, message]),
  );
  return Array.from(groups, ([id, members]) => lineOf(id, members))
    .toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at) || a.id.localeCompare(b.id))
    .slice(0, limit);
}

function lineOf(id: string, events: readonly Event[]): Activity {
  const latest = events.reduce((newest, event) =>
    Date.parse(timeOf(event)) > Date.parse(timeOf(newest)) ? event : newest,
  );
  const { involvedObject, reason = '', message = '', type } = latest;
  const { kind = 'object', namespace, name = '' } = involvedObject;
  return {
    id,
    isWarning: type === 'Warning',
    at: timeOf(latest),
    about: `${kind} ${keyOf({ namespace, name })}`,
    reason,
    message,
    count: events.reduce((sum, event) => sum + (event.series?.count ?? event.count ?? 1), 0),
  };
}

function timeOf({ series, lastTimestamp, eventTime, metadata }: Event): string {
  return series?.lastObservedTime || lastTimestamp || eventTime || metadata.creationTimestamp || '';
}
