import type { EventInterest } from './cluster-events.ts';
import type { HeapItem } from './heap.ts';
import { PodInfo } from './pod-info.ts';

export type QueueName = 'active' | 'backoff' | 'unschedulable' | 'in flight';

/** One move of a pod from queue to queue. */
export interface QueueStep {
  /** Milliseconds. */
  readonly at: number;
  readonly to: QueueName;
  /** A cluster event, or the scheduler's own doing. */
  readonly because: string;
}

const historyLimit = 20;

/** A pod that waits to be scheduled, with the history of its attempts. */
export class QueuedPod implements HeapItem {
  pod: PodInfo;
  queue: QueueName = 'in flight';
  /** When it came to wait; moves between queues do not change it. */
  timestamp: number;
  /** Decides between equal timestamps. */
  order: number;
  attempts = 0;
  /** Refusals in sum, and failures of the scheduler in a row: both make the backoff longer. */
  unschedulableCount = 0;
  consecutiveErrors = 0;
  /** 0 until it is worked out. */
  backoffUntil = 0;
  /** Plugins that refused the last attempt, or that keep the pod out of the queue. */
  rejectors: ReadonlySet<string> = new Set();
  /** The plugin whose preEnqueue refuses the pod; empty for none. */
  gatedBy = '';
  gatingEvents: readonly EventInterest[] = [];
  firstAttemptAt: number | undefined;
  /** The last moves, oldest first. */
  readonly history: QueueStep[] = [];
  heapIndex = -1;

  constructor(pod: PodInfo, timestamp: number, order: number) {
    this.pod = pod;
    this.timestamp = timestamp;
    this.order = order;
  }

  get isGated(): boolean {
    return this.gatedBy !== '';
  }

  /** What brought it to where it is. */
  get wokenBy(): string {
    return this.history.at(-1)?.because ?? '';
  }

  moved(step: QueueStep): void {
    this.queue = step.to;
    if (this.history.length >= historyLimit) this.history.shift();
    this.history.push(step);
  }
}
