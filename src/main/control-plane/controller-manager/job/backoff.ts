import type { ContainerStatus, Pod } from '#shared/api/types/core-v1.ts';
import { ageOf, type Clock } from '#shared/base/clock.ts';
import { timeOf } from '../values.ts';

const firstMs = 10_000;
const longestMs = 600_000;

/** How often in a row pods of a Job failed, and when last. */
export interface FailureRecord {
  readonly failures: number;
  readonly lastFailure: number;
}

export const noFailures: FailureRecord = { failures: 0, lastFailure: 0 };

/** The record after these pods ended; a success forgets all failures before it. */
export function nextRecord(
  record: FailureRecord,
  succeeded: readonly Pod[],
  failed: readonly Pod[],
): FailureRecord {
  const failures = failed.map(finishedAt);
  if (succeeded.length === 0) {
    if (failures.length === 0) return record;
    return {
      failures: record.failures + failures.length,
      lastFailure: Math.max(...failures),
    };
  }
  const lastSuccess = Math.max(...succeeded.map(finishedAt));
  const later = failures.filter((at) => at > lastSuccess);
  return { failures: later.length, lastFailure: later.length > 0 ? Math.max(...later) : 0 };
}

/** How long until the next pod may be created after so many failures: 10 s doubling to 10 min. */
export function untilRetry({ failures, lastFailure }: FailureRecord, clock: Clock): number {
  if (failures === 0) return 0;
  const wait = Math.min(firstMs * 2 ** Math.min(failures - 1, 30), longestMs);
  return Math.max(0, wait - ageOf(clock, lastFailure));
}

/** When the pod's containers ended, or else stopped being ready, or were told to stop. */
export function finishedAt(pod: Pod): number {
  const { metadata, spec, status } = pod;
  const sidecars = new Set(
    spec.initContainers?.filter((one) => one.restartPolicy === 'Always').map(({ name }) => name),
  );
  const regular = latestFinish(status.containerStatuses ?? [], 0);
  const all = latestFinish(
    (status.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
    regular,
  );
  if (all > 0) return all;
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime)
    return timeOf(ready.lastTransitionTime);
  if (metadata.deletionTimestamp)
    return timeOf(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  return timeOf(metadata.creationTimestamp);
}

/** 0 as soon as one of them has not ended. */
function latestFinish(statuses: readonly ContainerStatus[], before: number): number {
  let latest = before;
  for (const { state } of statuses) {
    const at = timeOf(state?.terminated?.finishedAt);
    if (at === 0) return 0;
    latest = Math.max(latest, at);
  }
  return latest;
}
