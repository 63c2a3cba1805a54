import type { Pod } from '#shared/api/types/core-v1.ts';
import { timeOf } from '../values.ts';

export function isTerminal({ status }: Pod): boolean {
  return status.phase === 'Failed' || status.phase === 'Succeeded';
}

/** Neither over nor being deleted: upstream's IsPodActive. */
export function isActive(pod: Pod): boolean {
  return !isTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** Being deleted but not over: IsPodTerminating. */
export function isTerminating(pod: Pod): boolean {
  return !isTerminal(pod) && pod.metadata.deletionTimestamp !== undefined;
}

export function isReady(pod: Pod): boolean {
  return readyCondition(pod)?.status === 'True';
}

/** When the pod last became ready, in ms; 0 when it is not ready or nobody wrote it down. */
export function readySince(pod: Pod): number {
  const condition = readyCondition(pod);
  return condition?.status === 'True' ? timeOf(condition.lastTransitionTime) : 0;
}

/** Ready for at least so long: IsPodAvailable. */
export function isAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  if (!isReady(pod)) return false;
  if (minReadySeconds === 0) return true;
  const since = readySince(pod);
  return since !== 0 && since + minReadySeconds * 1000 <= now;
}

/** How long until the next of these ready pods becomes available, if one will. */
export function untilNextAvailable(
  pods: Iterable<Pod>,
  minReadySeconds: number,
  now: number,
): number | undefined {
  if (minReadySeconds <= 0) return undefined;
  let next: number | undefined;
  for (const pod of pods) {
    const since = readySince(pod);
    const wait = since + minReadySeconds * 1000 - now;
    if (since !== 0 && wait > 0 && (next === undefined || wait < next)) next = wait;
  }
  return next;
}

function readyCondition({
  status,
}: Pod): { status: string; lastTransitionTime?: string } | undefined {
  const { conditions } = status;
  if (conditions)
    for (const condition of conditions) if (condition.type === 'Ready') return condition;
  return undefined;
}
