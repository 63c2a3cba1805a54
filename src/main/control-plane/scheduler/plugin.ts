import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { ClaimLedger } from './claim-ledger.ts';
import type { EventInterest } from './cluster-events.ts';
import type { EquivalenceClass } from './equivalence.ts';
import type { Listers } from './listers.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { Candidate } from './preemption.ts';
import type { QueuedPod } from './queued-pod.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * Why a pod cannot go somewhere. `UnschedulableAndUnresolvable` means that evicting other pods would
 * not help. Rejections are shared, so equal ones are often the same object.
 */
export interface Rejection {
  readonly plugin: string;
  readonly code: 'Unschedulable' | 'UnschedulableAndUnresolvable';
  readonly reasons: readonly string[];
}

/** Nothing means yes, as a nil Status does upstream. A throw means that the plugin itself failed. */
export type Verdict = Rejection | undefined;

export const skip = Symbol('skip');
export type Skip = typeof skip;

/** What a preFilter found: `nodeNames` leaves all other nodes out. */
export interface PreFiltered<State> {
  readonly state: State;
  readonly nodeNames?: ReadonlySet<string>;
}

export interface NominatedNode {
  /** Empty clears the nomination. */
  readonly nodeName: string;
}

/** What a postFilter achieved; without `nominated` the pod's nomination stays as it is. */
export interface PostFiltered {
  readonly isSuccess: boolean;
  readonly nominated?: NominatedNode;
  readonly reasons: readonly string[];
  /** Nobody else needs to try. */
  readonly isFinal?: boolean;
  /** Pods that have to go for this. */
  readonly victims?: readonly PodInfo[];
}

/** One attempt as later extension points see it. */
export interface Attempt {
  readonly pod: PodInfo;
  /** Filters that run for this pod, with their states. */
  readonly filters: readonly ActiveFilter[];
  /** What is known from equal pods. */
  readonly equivalents: EquivalenceClass;
  /** What preFilter returned, by plugin. */
  readonly states: ReadonlyMap<string, unknown>;
}

export interface ActiveFilter {
  readonly plugin: Plugin;
  readonly state: unknown;
}

/** Refusals of nodes, in the order of the search; `rest` holds for every node that is not listed. */
export interface Refusals {
  readonly nodes: readonly NodeInfo[];
  readonly verdicts: readonly Rejection[];
  readonly rest: Rejection | undefined;
}

/**
 * One scheduling plugin: it implements the extension points it needs, by upstream's names. State made
 * by `preFilter` or `preScore` for one pod is handed to the later calls for it.
 */
export interface Plugin<FilterState = unknown, ScoreState = unknown> {
  readonly name: string;
  /**
   * The plugin's filter and raw scores depend on nothing but the pod's spec, the node and the pods on
   * it, so that they hold for equal pods until the node changes.
   */
  readonly isNodeLocal?: true;
  /** Changes that may make a pod schedulable that this plugin refused. */
  readonly events?: readonly EventInterest[];
  preEnqueue?(pod: PodInfo): Verdict;
  /** Whether `a` is to be scheduled before `b`. */
  isBefore?(a: QueuedPod, b: QueuedPod): boolean;
  preFilter?(pod: PodInfo): PreFiltered<FilterState> | Rejection | Skip;
  /** A copy that `addPod` and `removePod` may change. */
  cloneState?(state: FilterState): FilterState;
  addPod?(state: FilterState, added: PodInfo, node: NodeInfo): void;
  removePod?(state: FilterState, removed: PodInfo, node: NodeInfo): void;
  /** False when `filter` would pass on every node there is, so that it need not be asked. */
  mayRefuse?(pod: PodInfo): boolean;
  filter?(state: FilterState, pod: PodInfo, node: NodeInfo): Verdict;
  postFilter?(attempt: Attempt, refusals: Refusals): PostFiltered;
  preScore?(pod: PodInfo, nodes: readonly NodeInfo[], filterState: FilterState): ScoreState | Skip;
  /** Writes the raw score of each node to the same place in `scores`. */
  score?(
    state: ScoreState,
    target: { readonly pod: PodInfo; readonly nodes: readonly NodeInfo[] },
    scores: Int32Array,
  ): void;
  /** Brings raw scores to 0…100, in place. Without it raw scores are in that range. */
  normalizeScore?(state: ScoreState, scores: Int32Array): void;
  reserve?(state: FilterState, pod: PodInfo, nodeName: string): Verdict;
  unreserve?(state: FilterState, pod: PodInfo, nodeName: string): void;
  permit?(pod: PodInfo, nodeName: string): Promise<Verdict>;
  /** Whether `preBind` has anything to do, so that the wait may be announced. */
  needsPreBind?(state: FilterState, nodeName: string): boolean;
  preBind?(state: FilterState, pod: PodInfo, target: BindTarget): Promise<Verdict>;
  /** False when another plugin has to bind this pod. */
  bind?(pod: PodInfo, target: BindTarget): Promise<boolean>;
  postBind?(pod: PodInfo, nodeName: string): void;
}

export interface BindTarget {
  readonly nodeName: string;
  readonly signal: AbortSignal;
}

/** Pods that wait for room on a node which preemption makes for them. */
export interface Nominations {
  readonly size: number;
  /** Grows with every change. */
  readonly version: number;
  has(uid: string): boolean;
  /** Names of nodes; `undefined` when the version is too long ago. */
  changedSince(version: number): readonly string[] | undefined;
  /** The same list until a pod comes or goes. */
  on(nodeName: string): readonly PodInfo[];
}

/** Tells the people of a cluster what happened, as an Event. */
export type RecordEvent = (event: {
  readonly regarding: PodInfo['pod'];
  readonly related?: PodInfo['pod'];
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}) => void;

/** Carries out what preemption has decided on. */
export interface Preemptions {
  start(preemptor: PodInfo, candidate: Candidate): void;
  areUnderWayFor(uid: string): boolean;
}

/** What a plugin may use of the scheduler it works in. */
export interface PluginContext {
  readonly snapshot: Snapshot;
  readonly listers: Listers;
  readonly nominations: Nominations;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 ≤ number < 1. */
  readonly random: () => number;
  readonly recordEvent: RecordEvent;
  readonly preemptions: Preemptions;
  readonly claimLedger: ClaimLedger;
}

/** Makes a plugin for one profile; `args` are those of the configuration, defaults filled in. */
export interface PluginFactory<Args = never> {
  readonly name: string;
  create(context: PluginContext, args: Args): Plugin;
}

/** Forgets a plugin's own state types, which only the plugin itself reads. */
export function plugin<FilterState = undefined, ScoreState = undefined>(
  definition: Plugin<FilterState, ScoreState>,
): Plugin {
  return definition;
}

export function refusal(
  plugin: string,
  code: Rejection['code'],
  ...reasons: readonly string[]
): Rejection {
  return Object.freeze({ plugin, code, reasons });
}

export function isRejection(value: unknown): value is Rejection {
  return typeof value === 'object' && value !== null && 'code' in value && 'reasons' in value;
}
