import type { Event } from '#shared/api/types/core-v1.ts';
import { keyOf } from '#shared/kube/object.ts';

export interface Activity {
  readonly id: string;
  readonly isWarning: boolean;
  readonly at: string;
  /** Whom it is about. */
  readonly object: { readonly apiVersion: string; readonly kind: string; readonly key: string };
  readonly reason: string;
  readonly message: string;
  readonly count: number;
}

/**
 * What has been reported and who changed what, newest first; the same said of the same object more than
 * once is one line.
 */
export function activityOf(
  events: Iterable<Event>,
  edits: readonly Activity[],
  limit: number,
): readonly Activity[] {
  const groups = Map.groupBy(events, ({ involvedObject, reason, message }) =>
    [involvedObject.uid, involvedObject.kind, involvedObject.name, reason, message].join(' '),
  );
  return [...edits, ...Array.from(groups, ([id, members]) => lineOf(id, members))]
    .toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at) || a.id.localeCompare(b.id))
    .slice(0, limit);
}

function lineOf(id: string, events: readonly Event[]): Activity {
  const latest = events.reduce((newest, event) =>
    Date.parse(timeOf(event)) > Date.parse(timeOf(newest)) ? event : newest,
  );
  const { involvedObject, reason = '', message = '', type } = latest;
  const { apiVersion = '', kind = 'object', namespace, name = '' } = involvedObject;
  return {
    id,
    isWarning: type === 'Warning',
    at: timeOf(latest),
    object: { apiVersion, kind, key: keyOf({ namespace, name }) },
    reason,
    message,
    count: events.reduce((sum, event) => sum + (event.series?.count ?? event.count ?? 1), 0),
  };
}

function timeOf({ series, lastTimestamp, eventTime, metadata }: Event): string {
  return series?.lastObservedTime || lastTimestamp || eventTime || metadata.creationTimestamp || '';
}
