import type { QueuedPod } from './queued-pod.ts';

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** Backoffs end on whole seconds, so that pods of one second are taken by their priority. */
export const windowMs = 1000;

export function alignToWindow(ms: number): number {
  return Math.floor(ms / windowMs) * windowMs;
}

/** When the pod may be tried again; 0 for at once. */
export function backoffEnd(queued: QueuedPod, { initialMs, maxMs }: BackoffOptions): number {
  const count = queued.consecutiveErrors || queued.unschedulableCount;
  if (maxMs === 0 || count === 0) return 0;
  if (queued.backoffUntil === 0) {
    const duration = Math.min(initialMs * 2 ** (count - 1), maxMs);
    queued.backoffUntil = alignToWindow(queued.timestamp + duration);
  }
  return queued.backoffUntil;
}
