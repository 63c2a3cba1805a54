import { exponential, KeyedLoop, type Again } from '#shared/base/keyed-loop.ts';
import type { Pod, PodCondition, PodStatus } from '#shared/api/types/core-v1.ts';
import { timestamp } from '#shared/client/events.ts';
import { killPodContainers } from '../containers/kill.ts';
import { terminationMessage } from '../containers/termination-message.ts';
import { annotations } from '../containers/labels.ts';
import type { Capacity } from '../containers/downward.ts';
import { containerNameOf, isExited, isRunning } from '../runtime-state.ts';
import { isOwnCondition } from '../status/conditions.ts';
import { podStatus, type Verdict } from '../status/pod-status.ts';
import type { StatusWriter } from '../status/status-writer.ts';
import { refusalOf, type AdmissionSources } from './admission.ts';
import { findContainer } from './pod-containers.ts';
import { createRecord, type PodRecord } from './record.ts';
import { stopSandboxes } from './stop.ts';
import { syncPod, type SyncParts } from './sync.ts';

export interface WorkersOptions extends SyncParts {
  readonly writer: StatusWriter;
  readonly allocatable: () => Capacity;
  /** The pod is not known any more: what its containers have left may go. */
  readonly gone: (uid: string) => void;
  readonly admission: () => Pick<AdmissionSources, 'hasGroupsPolicy' | 'hasAppArmor' | 'pressures'>;
  readonly runtimeName: () => string;
  /** Why the network is not ready, if it is not. */
  readonly networkProblem: () => string | undefined;
  /** The status at the API, which holds what others say of the pod. */
  readonly apiStatus: (uid: string) => PodStatus | undefined;
}

const concurrency = 512;
const resyncMs = 60_000;
const retryMs = 10_000;
const networkRetryMs = 1000;

/** A worker for each pod of the node: from its admission to the last of its traces. */
export class PodWorkers implements AsyncDisposable {
  readonly #options: WorkersOptions;
  readonly #records = new Map<string, PodRecord>();
  readonly #loop: KeyedLoop<string>;

  constructor(options: WorkersOptions) {
    this.#options = options;
    const { clock, log } = options.context;
    this.#loop = new KeyedLoop<string>({
      clock,
      concurrency,
      backoffMs: exponential(1000, retryMs),
      onError: (uid, error) => {
        const { namespace, name } = this.#records.get(uid)?.pod.metadata ?? {};
        log.warn('Cannot bring a pod to where it should be; trying again', {
          uid,
          namespace,
          name,
          error,
        });
      },
      run: (uid) => this.#run(uid),
    });
  }

  records(): IterableIterator<PodRecord> {
    return this.#records.values();
  }

  record(uid: string): PodRecord | undefined {
    return this.#records.get(uid);
  }

  /** The pod is new, or not as it was. */
  update(pod: Pod): void {
    const { uid } = pod.metadata;
    const known = this.#records.get(uid);
    const record = known ?? createRecord(pod, this.#seenNow());
    if (!known) this.#records.set(uid, record);
    const grace = record.pod.metadata.deletionGracePeriodSeconds;
    record.pod = asSeen(pod, record.seen);
    const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    const isEnded = pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
    if (record.stage === 'running' && (deletionTimestamp || (isEnded && !known))) this.#end(record);
    else if (
      record.stage === 'terminating' &&
      deletionGracePeriodSeconds !== undefined &&
      deletionGracePeriodSeconds < (grace ?? pod.spec.terminationGracePeriodSeconds ?? 0)
    )
      this.#interrupt(record);
    this.#loop.add(uid);
  }

  /** The pod is not wanted any more, at once. */
  remove(uid: string): void {
    const record = this.#records.get(uid);
    if (!record) return;
    record.isRemoved = true;
    if (record.stage === 'running') this.#end(record);
    this.#loop.add(uid);
  }

  /** Ends a pod for the kubelet's own reasons. */
  evict(uid: string, verdict: Verdict, graceSeconds?: number): void {
    const record = this.#records.get(uid);
    if (!record || record.stage !== 'running') return;
    record.verdict = verdict;
    record.graceSeconds = graceSeconds;
    this.#end(record);
    this.#loop.add(uid);
  }

  /** Something about the pod may have changed. */
  touch(uid: string): void {
    if (this.#records.has(uid)) this.#loop.add(uid);
  }

  /** The status is looked at again, without anything being done. */
  retell(uid: string): void {
    const record = this.#records.get(uid);
    if (record && record.stage !== 'finished') this.#tell(record);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const record of this.#records.values())
      record.interrupt.abort(new Error('The kubelet has been stopped'));
    await this.#loop[Symbol.asyncDispose]();
  }

  #seenNow(): string {
    return new Date(this.#options.context.clock.now()).toISOString().replace('Z', '000000Z');
  }

  #end(record: PodRecord): void {
    record.stage = 'terminating';
    this.#interrupt(record);
  }

  #interrupt(record: PodRecord): void {
    record.interrupt.abort(new Error('The pod is to be ended'));
    record.interrupt = new AbortController();
  }

  async #run(uid: string): Promise<Again | void> {
    const record = this.#records.get(uid);
    if (!record) return;
    const { signal } = record.interrupt;
    try {
      return await this.#runStage(record);
    } catch (error) {
      // Interrupted: what is to be done instead waits already.
      if (signal.aborted) return { afterMs: 0 };
      throw error;
    }
  }

  async #runStage(record: PodRecord): Promise<Again | void> {
    switch (record.stage) {
      case 'running':
        return await this.#sync(record);
      case 'terminating':
        await this.#terminate(record);
        return { afterMs: 0 };
      case 'terminated':
        await this.#cleanUp(record);
        return { afterMs: 0 };
      case 'finished':
        return await this.#finish(record);
      default:
        return;
    }
  }

  async #sync(record: PodRecord): Promise<Again | void> {
    if (!record.isAdmitted && this.#refuse(record)) return { afterMs: 0 };
    record.isAdmitted = true;
    await this.#readMessages(record);
    this.#checkDeadline(record);
    const { phase } = this.#tell(record);
    if (record.verdict || phase === 'Succeeded' || phase === 'Failed') {
      this.#end(record);
      return { afterMs: 0 };
    }
    const { context } = this.#options;
    const problem = record.pod.spec.hostNetwork ? undefined : this.#options.networkProblem();
    if (problem) {
      context.recorder.record(
        record.pod,
        'Warning',
        'NetworkNotReady',
        `network is not ready: ${problem}`,
      );
      return { afterMs: networkRetryMs };
    }
    const { changed, failed, backoffMs, tell } = await syncPod(record, this.#options);
    if (tell) this.#tell(record);
    if (changed) return { afterMs: 0 };
    if (backoffMs !== undefined && !failed) return { afterMs: backoffMs };
    if (failed) return { afterMs: Math.min(backoffMs ?? Infinity, jitter(retryMs)) };
    return { afterMs: Math.min(jitter(resyncMs), this.#untilDeadline(record)) };
  }

  #refuse(record: PodRecord): boolean {
    const { pod, uid } = record;
    const { context, state, writer, allocatable, admission } = this.#options;
    // What runs already has been admitted before the kubelet was started anew.
    if ((state.pod(uid)?.sandboxes.length ?? 0) > 0) return false;
    const others = [...this.#records.values()]
      .filter(
        (one) =>
          one.isAdmitted &&
          one.uid !== uid &&
          one.stage !== 'terminated' &&
          one.stage !== 'finished',
      )
      .map((one) => one.pod);
    const verdict = refusalOf(pod, {
      ...admission(),
      node: context.objects.node(),
      allocatable: allocatable(),
      others,
    });
    if (!verdict) return false;
    context.recorder.record(pod, 'Warning', verdict.reason, verdict.message);
    const { generation } = pod.metadata;
    writer.set(
      uid,
      {
        ...(generation !== undefined && { observedGeneration: generation }),
        phase: 'Failed',
        reason: verdict.reason,
        message: verdict.message,
        startTime: timestamp(context.clock.now()),
        qosClass: pod.status.qosClass ?? 'BestEffort',
      },
      { finished: true },
    );
    record.verdict = verdict;
    record.stage = 'finished';
    return true;
  }

  #untilDeadline(record: PodRecord): number {
    const seconds = record.pod.spec.activeDeadlineSeconds;
    const start = this.#options.writer.status(record.uid)?.startTime ?? record.pod.status.startTime;
    if (seconds === undefined || start === undefined) return Infinity;
    return Math.max(0, Date.parse(start) + seconds * 1000 - this.#options.context.clock.now());
  }

  #checkDeadline(record: PodRecord): void {
    if (this.#untilDeadline(record) > 0) return;
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#options.context.recorder.record(record.pod, 'Normal', 'DeadlineExceeded', message);
    record.verdict = { reason: 'DeadlineExceeded', message };
  }

  async #terminate(record: PodRecord): Promise<void> {
    const { context, state, prober } = this.#options;
    const { uid, pod } = record;
    this.#repeatVerdict(record);
    this.#tell(record);
    prober.stopAllBut(uid, 'readiness');
    const runtimePod = await state.refresh(uid);
    if (runtimePod) {
      const { signal } = record.interrupt;
      const grace = record.graceSeconds;
      await killPodContainers(context, pod, runtimePod, {
        signal,
        ...(grace !== undefined && { graceSeconds: grace }),
      });
      await stopSandboxes(context, runtimePod);
    }
    const after = await state.refresh(uid);
    if (after?.containers.some(isRunning)) throw new Error('A container of the pod still runs');
    record.stage = 'terminated';
    await this.#readMessages(record);
    this.#repeatVerdict(record);
    this.#tell(record);
  }

  async #cleanUp(record: PodRecord): Promise<void> {
    const { context, volumes, cgroups, prober, start } = this.#options;
    const { uid, pod } = record;
    prober.stopAllBut(uid, undefined);
    await volumes.tearDown(uid);
    await cgroups.remove(pod);
    context.objects.release(uid);
    start.backoff.forget(`${uid}/`);
    start.puller.forget(uid);
    record.stage = 'finished';
    this.#repeatVerdict(record);
    this.#tell(record);
  }

  async #finish(record: PodRecord): Promise<void> {
    const { writer, gone } = this.#options;
    if (record.isRemoved) {
      this.#records.delete(record.uid);
      writer.forget(record.uid);
      gone(record.uid);
      return;
    }
    if (record.isAdmitted) {
      await this.#readMessages(record);
      this.#tell(record);
    }
    writer.touch(record.uid);
  }

  /** A deadline is told at every step, as upstream does. */
  #repeatVerdict({ pod, verdict }: PodRecord): void {
    if (verdict?.reason !== 'DeadlineExceeded') return;
    this.#options.context.recorder.record(pod, 'Normal', verdict.reason, verdict.message);
  }

  /** Works out how the pod is and has it told. */
  #tell(record: PodRecord): PodStatus {
    const { context, state, prober, writer, runtimeName, apiStatus } = this.#options;
    const { uid, pod, stage } = record;
    const runtimePod = state.pod(uid);
    const told = writer.status(uid) ?? pod.status;
    const conditions = mergedConditions(told, apiStatus(uid));
    const running = runtimePod?.containers.some(isRunning) ?? false;
    const sources = {
      pod,
      runtimePod,
      previous: { ...told, conditions },
      probes: prober,
      waitingFor: (name: string) => record.reasons.get(name),
      messages: record.messages,
      runtimeName: runtimeName(),
      hostIps: context.settings.nodeAddresses,
      now: timestamp(context.clock.now()),
      verdict: record.verdict,
      isTerminal: stage !== 'running' && (stage !== 'terminating' || !running),
      hasEnded: stage === 'terminated' || stage === 'finished',
    };
    const status = podStatus(sources);
    writer.set(uid, status, { finished: stage === 'finished' });
    prober.hurry(uid);
    // Inside, a phase counts as soon as it is certain; people are told when nothing runs any more.
    return podStatus({ ...sources, hasEnded: true });
  }

  /** Reads what containers that have ended left to be said, once each. */
  async #readMessages(record: PodRecord): Promise<void> {
    const { state } = this.#options;
    const runtimePod = state.pod(record.uid);
    const known = new Set<string>();
    for (const status of runtimePod?.containers.filter(isExited) ?? []) {
      known.add(status.id);
      if (record.messages.has(status.id)) continue;
      const container = findContainer(record.pod, containerNameOf(status))?.container;
      const path = status.annotations[annotations.messagePath] ?? container?.terminationMessagePath;
      const file = status.mounts.find(({ containerPath }) => containerPath === path)?.hostPath;
      record.messages.set(
        status.id,
        await terminationMessage({
          file,
          policy: status.annotations[annotations.messagePolicy] ?? '',
          failed: status.exitCode !== 0,
          logPath: status.logPath,
        }),
      );
    }
    for (const id of record.messages.keys()) if (!known.has(id)) record.messages.delete(id);
  }
}

/** With the annotations by which a pod on a node says where it came from; its containers may read them. */
function asSeen(pod: Pod, seen: string): Pod {
  const { annotations: own } = pod.metadata;
  const source = { 'kubernetes.io/config.seen': seen, 'kubernetes.io/config.source': 'api' };
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...source, ...own } } };
}

/** The kubelet's own conditions as it told them, all others as they stand at the API. */
function mergedConditions(told: PodStatus, atApi: PodStatus | undefined): readonly PodCondition[] {
  const own = told.conditions ?? [];
  const others = (atApi?.conditions ?? []).filter(
    ({ type }) => !own.some((one) => one.type === type),
  );
  const kept = own.map((one) => {
    const fresh = atApi?.conditions?.find(({ type }) => type === one.type);
    return fresh && !isOwnCondition(one) ? fresh : one;
  });
  return [...kept, ...others];
}

/** Between once and one and a half times as long, so that not all come at the same time. */
function jitter(ms: number): number {
  return ms * (1 + 0.5 * Math.random());
}
