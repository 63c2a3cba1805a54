import type { QueueEntry } from '#shared/contract/scheduling.ts';
import { wordsOf } from './plugins.ts';

export interface LaneGroup {
  readonly reason: string;
  readonly wokenBy: string;
  readonly pods: readonly QueueEntry[];
}

export interface Lanes {
  readonly active: readonly QueueEntry[];
  readonly backoff: readonly QueueEntry[];
  readonly unschedulable: readonly LaneGroup[];
  readonly gated: readonly LaneGroup[];
}

/** Who waits where; the largest group first, who waits longest first within it. */
export function lanesOf(pods: readonly QueueEntry[]): Lanes {
  const ordered = pods.toSorted((a, b) => a.since - b.since || a.pod.localeCompare(b.pod));
  const waiting = ordered.filter(({ gatedBy }) => gatedBy === '');
  return {
    active: waiting.filter(({ queue }) => queue === 'active' || queue === 'in flight'),
    backoff: waiting
      .filter(({ queue }) => queue === 'backoff')
      .toSorted((a, b) => a.backoffUntil - b.backoffUntil),
    unschedulable: grouped(
      waiting.filter(({ queue }) => queue === 'unschedulable'),
      ({ refusedBy }) => refusedBy,
    ),
    gated: grouped(
      ordered.filter(({ gatedBy }) => gatedBy !== ''),
      ({ gatedBy }) => [gatedBy],
    ),
  };
}

function grouped(
  pods: readonly QueueEntry[],
  pluginsOf: (pod: QueueEntry) => readonly string[],
): readonly LaneGroup[] {
  const groups = Map.groupBy(pods, (pod) => pluginsOf(pod).toSorted().join(' '));
  return [...groups]
    .map(([plugins, members]) => ({
      ...inWords(plugins.split(' ').filter(Boolean)),
      pods: members,
    }))
    .toSorted((a, b) => b.pods.length - a.pods.length || a.reason.localeCompare(b.reason));
}

function inWords(plugins: readonly string[]): Omit<LaneGroup, 'pods'> {
  if (plugins.length === 0)
    return {
      reason: 'refused by no plugin',
      wokenBy: 'any change of the cluster, or five minutes of waiting',
    };
  return {
    reason: plugins.map((plugin) => wordsOf(plugin).refuses).join(' · '),
    wokenBy: plugins.map((plugin) => wordsOf(plugin).wakes).join('; or '),
  };
}

/** `12 s`, `now` where it is over, `–` where it is not known. */
export function countdown(until: number, now: number): string {
  if (until === 0) return '–';
  const seconds = Math.ceil((until - now) / 1000);
  return seconds > 0 ? `${seconds} s` : 'now';
}
