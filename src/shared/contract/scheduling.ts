import * as v from 'valibot';
import { call } from '#shared/contract/contract.ts';

/** The scheduler's queues and decisions as it tells of them below `/pilothouse/scheduler/`. */

export interface QueueEntry {
  /** `namespace/name`. */
  readonly pod: string;
  readonly queue: 'active' | 'backoff' | 'unschedulable' | 'in flight';
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly attempts: number;
  /** Plugins that refused the last attempt. */
  readonly refusedBy: readonly string[];
  /** The plugin that keeps the pod out of the queue; '' for none. */
  readonly gatedBy: string;
  /** Milliseconds since 1970; 0 until it is worked out. */
  readonly backoffUntil: number;
}

export interface SchedulerQueues {
  readonly depths: Readonly<Record<QueueEntry['queue'], number>>;
  readonly pods: readonly QueueEntry[];
}

export interface Refusal {
  readonly plugin: string;
  readonly reasons: readonly string[];
  /** Evicting other pods would help. */
  readonly isResolvable: boolean;
}

export interface SchedulingAttempt {
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly tookMs: number;
  readonly attempt: number;
  readonly wokenBy: string;
  readonly result: 'Scheduled' | 'Unschedulable' | 'SchedulerError';
  readonly node?: string;
  readonly message?: string;
  readonly nominatedNode?: string;
  readonly victims?: readonly string[];
  /** The refusal that held before any node was looked at. */
  readonly refusedEverywhere?: Refusal;
  readonly refused: Readonly<Record<string, Refusal>>;
  readonly feasible: readonly string[];
  /** Per plugin, in the order of `feasible`. */
  readonly scores: readonly {
    readonly plugin: string;
    readonly weight: number;
    readonly raw: readonly number[];
    readonly normalized: readonly number[];
  }[];
  readonly totals: readonly number[];
}

export interface SchedulingNow {
  readonly queues: SchedulerQueues;
  /** The remembered attempts of the pod that was asked for, the newest first. */
  readonly attempts: readonly SchedulingAttempt[];
}

const nodeName = v.pipe(v.string(), v.maxLength(253));
const someObjects = v.pipe(v.array(v.record(v.string(), v.unknown())), v.maxLength(10_000));

const supposition = v.strictObject({
  /** New pods and nodes, as manifests of them. */
  pods: someObjects,
  addNodes: someObjects,
  removeNodes: v.array(nodeName),
  /** Nodes whose pods have to go elsewhere. */
  drainNodes: v.array(nodeName),
});

export interface Simulation {
  /** One for each pod that had to find a place, in the order in which they were tried. */
  readonly attempts: readonly SchedulingAttempt[];
}

export const schedulingOperations = {
  /** Where the scheduler would place the pods, all else being as it is. Changes nothing. */
  simulate: call(supposition).returns<Simulation>(),
};
