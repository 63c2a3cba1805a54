import { pods } from '#shared/api/core/pod.ts';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { patchTypes } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { bind, BindingError, reserve, unreserve, type Placement } from './binding.ts';
import { ClaimLedger } from './claim-ledger.ts';
import {
  assignedPodAdd,
  assignedPodDelete,
  nodeAdd,
  nodeDelete,
  nodeUpdateEvents,
  podUpdateEvents,
} from './cluster-events.ts';
import {
  defaultInitialBackoffSeconds,
  defaultMaxBackoffSeconds,
  type SchedulerConfiguration,
} from './configuration.ts';
import { SchedulingCycle, type Decision, type Failure } from './cycle.ts';
import { fitErrorText } from './diagnosis.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { Evictions } from './evictions.ts';
import type { Listers } from './listers.ts';
import { Nominator } from './nominator.ts';
import { conditionPatch } from './pod-conditions.ts';
import { PodInfo } from './pod-info.ts';
import type { NominatedNode, PluginContext, RecordEvent } from './plugin.ts';
import { createProfile, type Profile } from './profile.ts';
import { SchedulingQueue } from './queue.ts';
import type { QueuedPod } from './queued-pod.ts';
import { Snapshot } from './snapshot.ts';

export interface SchedulerOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly listers: Listers;
  readonly configuration?: SchedulerConfiguration;
  /** 0 ≤ number < 1. */
  readonly random: () => number;
  readonly recordEvent: RecordEvent;
  /** Hears of every attempt in the turn in which it is made, before anything is done about it. */
  onDecision?(queued: QueuedPod, decision: Decision, tookMs: number): void;
}

/** How long the scheduler works before it lets others have their turn. */
const sliceMs = 5;
const noteLimit = 1024;

/**
 * Takes pods from the queue, decides where each goes and has it bound in the background. Changes of
 * nodes and pods are told to it; everything else it looks up.
 */
export class Scheduler implements AsyncDisposable {
  readonly snapshot = new Snapshot();
  readonly queue: SchedulingQueue;
  readonly nominator = new Nominator();
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly #options: SchedulerOptions;
  readonly #cycle: SchedulingCycle;
  /** Pods that are bound in memory only, by uid. */
  readonly #assumed = new Map<string, AbortController>();
  readonly #background = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #isOpen = false;
  #isRunning = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { configuration = {}, listers } = options;
    const preemptions = new Evictions({
      ...options,
      pods: listers.pods,
      nominations: this.nominator,
      activate: ({ key }) => this.queue.activate(key),
    });
    const context: PluginContext = {
      ...options,
      snapshot: this.snapshot,
      nominations: this.nominator,
      preemptions,
      claimLedger: new ClaimLedger(listers.resourceClaims),
    };
    const profiles = (configuration.profiles ?? [{}]).map((one) => createProfile(context, one));
    this.profiles = new Map(profiles.map((profile) => [profile.schedulerName, profile]));
    this.queue = new SchedulingQueue({
      clock: options.clock,
      log: options.log,
      profiles: this.profiles,
      nominator: this.nominator,
      initialMs: 1000 * (configuration.podInitialBackoffSeconds ?? defaultInitialBackoffSeconds),
      maxMs: 1000 * (configuration.podMaxBackoffSeconds ?? defaultMaxBackoffSeconds),
      onWork: () => this.#wake(),
    });
    this.#cycle = new SchedulingCycle({
      snapshot: this.snapshot,
      nominations: this.nominator,
      random: options.random,
      percentageOfNodesToScore: configuration.percentageOfNodesToScore ?? 0,
    });
  }

  /** Begins to schedule, once the first picture of the cluster is complete. */
  open(): void {
    this.#isOpen = true;
    this.#wake();
  }

  nodeChanged(before: Node | undefined, after: Node | undefined): void {
    if (!after) {
      this.queue.move(nodeDelete, { before });
      this.snapshot.removeNode(before?.metadata.name ?? '');
      return;
    }
    this.snapshot.setNode(after);
    if (!before) return this.queue.move(nodeAdd, { after });
    for (const event of nodeUpdateEvents(after, before)) this.queue.move(event, { before, after });
  }

  podChanged(before: Pod | undefined, after: Pod | undefined): void {
    const now = after && isFinished(after) ? undefined : after;
    if (!now) {
      if (before) this.#podGone(before);
    } else if (now.spec.nodeName) this.#podAssigned(before, now);
    else if (this.profiles.has(now.spec.schedulerName ?? '')) this.#podWaiting(before, now);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The scheduler has been stopped'));
    this.queue[Symbol.dispose]();
    for (const binding of this.#assumed.values()) binding.abort(this.#stop.signal.reason);
    await Promise.all(this.#background);
  }

  #podAssigned(before: Pod | undefined, after: Pod): void {
    const info = new PodInfo(after);
    const known = this.snapshot.pod(info.uid);
    this.#assumed.delete(info.uid);
    const isKnown = known && known.node?.name === after.spec.nodeName && isSame(known, info);
    if (isKnown) known.pod = after;
    else this.snapshot.addPod(info, after.spec.nodeName ?? '');
    if (before?.spec.nodeName) {
      for (const event of podUpdateEvents(after, before)) this.queue.move(event, { before, after });
      return;
    }
    this.queue.delete(info.key);
    this.queue.move(assignedPodAdd, { after });
  }

  #podWaiting(before: Pod | undefined, after: Pod): void {
    const uid = after.metadata.uid ?? '';
    if (this.#assumed.has(uid)) {
      if (after.metadata.deletionTimestamp && !before?.metadata.deletionTimestamp)
        this.#forget(after);
      return;
    }
    if (!before) return this.queue.add(after);
    this.queue.update(before, after);
    const nominated = before.status?.nominatedNodeName;
    if (nominated && nominated !== after.status?.nominatedNodeName) this.#roomGiven(before);
  }

  #podGone(before: Pod): void {
    const { uid, namespace, name } = before.metadata;
    if (before.spec.nodeName) {
      this.#assumed.delete(uid);
      this.snapshot.removePod(uid);
      this.queue.move(assignedPodDelete, { before });
      return;
    }
    this.queue.delete(`${namespace}/${name}`);
    if (this.#assumed.has(uid)) this.#forget(before);
    else if (before.status?.nominatedNodeName) this.#roomGiven(before);
  }

  /** A pod that was placed in memory is deleted before it is bound. */
  #forget(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    this.#assumed.get(uid)?.abort(new Error('The pod is being deleted'));
    this.#assumed.delete(uid);
    this.snapshot.removePod(uid);
    this.queue.move(assignedPodDelete, { before: pod });
  }

  /** Room that was kept for the pod is free again, for pods that are not more important. */
  #roomGiven(before: Pod): void {
    const priority = before.spec.priority ?? 0;
    this.queue.move(assignedPodDelete, { before }, (pod) => pod.priority <= priority);
  }

  #wake(): void {
    if (!this.#isOpen || this.#isRunning || this.#stop.signal.aborted) return;
    this.#isRunning = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    const { clock } = this.#options;
    const end = clock.elapsed() + sliceMs;
    this.#isRunning = false;
    while (!this.#stop.signal.aborted) {
      const queued = this.queue.pop();
      if (!queued) return;
      this.#scheduleOne(queued);
      if (clock.elapsed() >= end) return this.#wake();
    }
  }

  #scheduleOne(queued: QueuedPod): void {
    const { clock, recordEvent, onDecision } = this.#options;
    const { pod } = queued;
    const profile = this.profiles.get(pod.pod.spec.schedulerName ?? '');
    if (!profile || this.#assumed.has(pod.uid)) return;
    if (pod.isTerminating) {
      const note = `skip schedule deleting pod: ${pod.key}`;
      return recordEvent({ regarding: pod.pod, ...failedScheduling, note });
    }
    const start = clock.elapsed();
    const decision = this.#cycle.schedule(profile, pod);
    onDecision?.(queued, decision, clock.elapsed() - start);
    const { node, failure, nominated } = decision;
    if (failure) return this.#fail(queued, failure, nominated);
    if (node) this.#place(queued, { ...decision, node });
  }

  #place(queued: QueuedPod, placement: Placement): void {
    const { pod, node } = placement;
    this.snapshot.addPod(pod, node.name);
    this.nominator.delete(pod.uid);
    try {
      reserve(placement);
    } catch (error) {
      this.snapshot.removePod(pod.uid);
      return this.#fail(queued, failureOf(error, node.name), { nodeName: '' });
    }
    const controller = new AbortController();
    this.#assumed.set(pod.uid, controller);
    const work = this.#bind(queued, placement, controller.signal);
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  async #bind(queued: QueuedPod, placement: Placement, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const { pod, node } = placement;
    try {
      await bind(placement, this.#options, signal);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      log.warn('Pod not bound', { pod: pod.key, node: node.name, error });
      unreserve(placement);
      if (this.#assumed.delete(pod.uid)) {
        this.snapshot.removePod(pod.uid);
        this.queue.move(assignedPodDelete, {
          before: { ...pod.pod, spec: { ...pod.pod.spec, nodeName: node.name } },
        });
      }
      this.#fail(queued, failureOf(error, node.name), { nodeName: '' });
    }
  }

  /** Puts the pod back into the queue and tells why. */
  #fail(queued: QueuedPod, failure: Failure, nominated: NominatedNode | undefined): void {
    const { listers, log, recordEvent } = this.#options;
    const { pod } = queued;
    if (failure.error !== undefined)
      log.error('Error scheduling pod; retrying', { pod: pod.key, error: failure.error });
    const live = listers.pods.get(pod.key);
    if (!live || live.spec.nodeName || (live.metadata.uid ?? pod.key) !== pod.uid) return;
    this.queue.putBack(queued, live, failure.plugins);
    this.nominator.add(queued.pod, nominated);
    const note = truncated(failure.message);
    recordEvent({ regarding: live, ...failedScheduling, note });
    const work = this.#report(live, failure, nominated);
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  async #report(
    pod: Pod,
    { reason, message }: Failure,
    nominated: NominatedNode | undefined,
  ): Promise<void> {
    const { cluster, clock, log } = this.#options;
    const condition = { type: 'PodScheduled', status: 'False', reason, message };
    const known = pod.status?.nominatedNodeName ?? '';
    const status = {
      ...conditionPatch(pod, condition, clock.now()),
      ...(nominated &&
        nominated.nodeName !== known && { nominatedNodeName: nominated.nodeName || null }),
    };
    if (Object.keys(status).length === 0) return;
    const { namespace, name } = pod.metadata;
    const patch = { type: patchTypes.strategic, body: { status } };
    try {
      await cluster.patch<Pod>(pods, { namespace, name }, patch, { subresource: 'status' });
    } catch (error) {
      if (this.#stop.signal.aborted || ApiError.is(error, 'NotFound')) return;
      log.error('Cannot write why a pod is not scheduled', { pod: `${namespace}/${name}`, error });
    }
  }
}

const failedScheduling = {
  type: 'Warning',
  reason: 'FailedScheduling',
  action: 'Scheduling',
} as const;

function failureOf(error: unknown, nodeName: string): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const rejection = error instanceof BindingError ? error.rejection : undefined;
  if (!rejection) return { reason: 'SchedulerError', message, plugins: new Set(), error };
  const text = fitErrorText(1, {
    refusals: { nodes: [], verdicts: [rejection], rest: undefined },
    afterwards: '',
  });
  return {
    reason: 'Unschedulable',
    message: text || nodeName,
    plugins: new Set([rejection.plugin]),
  };
}

function isFinished({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** Whether two versions of a pod count alike on their node. */
function isSame(a: PodInfo, b: PodInfo): boolean {
  return (
    a.isTerminating === b.isTerminating &&
    a.nonZeroMilliCpu === b.nonZeroMilliCpu &&
    a.nonZeroMemory === b.nonZeroMemory &&
    semanticEqual(a.labels, b.labels) &&
    isSameResources(a, b)
  );
}

function isSameResources({ requests: a }: PodInfo, { requests: b }: PodInfo): boolean {
  return (
    a.milliCpu === b.milliCpu &&
    a.memory === b.memory &&
    a.ephemeralStorage === b.ephemeralStorage &&
    semanticEqual([...(a.scalars ?? [])], [...(b.scalars ?? [])])
  );
}

/** Notes of events have a limit. */
function truncated(note: string): string {
  return note.length <= noteLimit ? note : `${note.slice(0, noteLimit - 4)} ...`;
}
