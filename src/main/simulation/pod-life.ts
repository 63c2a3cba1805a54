import { planOf, type PodPlan } from '#main/simulation/annotations.ts';
import { podConditions, saySame, type Phase } from '#main/simulation/conditions.ts';
import { containerStatus, type Moment, type Target } from '#main/simulation/containers.ts';
import type { Container, ContainerStatus, Pod, PodStatus } from '#shared/api/types/core-v1.ts';

/** What a simulated kubelet knows about where a pod runs. */
export interface Place {
  readonly hostIp: string;
  /** The address that the pod has or is to get. */
  readonly podIp: string;
}

export interface NextStep {
  /** To be written; absent when it says so already. */
  readonly status?: PodStatus;
  /** When the pod's next step is due, from now. */
  readonly afterMs?: number;
  /** The containers have ended and the pod may go. */
  readonly isGone?: boolean;
}

/** The back-off between restarts: at once, then from ten seconds doubling to five minutes. */
const firstBackOffMs = 10_000;
const longestBackOffMs = 300_000;
const restartMs = 1000;
/** Both ends of a time that is told in whole seconds may be off. */
const toleranceMs = 1000;

export interface Now {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The time of the step before has passed. */
  readonly isDue: boolean;
  /** Its next step is planned already: this is to see whether anything else must be said. */
  readonly isPlanned: boolean;
}

/**
 * The next step in the life of a pod, told from its status alone. A pod of which nothing has been
 * said when its start is due skips to what is true by then, as a kubelet that is behind does.
 */
export function nextStep(pod: Pod, place: Place, now: Now): NextStep {
  const moment: Moment = { pod, time: `${new Date(now.time).toISOString().slice(0, 19)}Z` };
  const plan = planOf(pod);
  if (pod.metadata.deletionTimestamp !== undefined)
    return endOfLife(pod, place, { moment, now, plan });
  if (isTerminal(pod)) return {};
  const life = new Life(pod, place, moment);
  if (now.isDue) return life.advance(plan);
  if (!pod.status.startTime) {
    life.create();
    return { status: life.status('Pending'), afterMs: plan.startMs };
  }
  const status = life.status(pod.status.phase as Phase);
  const isNews = !saySame(status.conditions, pod.status.conditions);
  return {
    ...(isNews && { status }),
    ...(!now.isPlanned && { afterMs: plan.startMs }),
  };
}

export function isTerminal({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed';
}

/** Containers get their time to end; the status tells of it only where somebody still needs the pod. */
function endOfLife(
  pod: Pod,
  place: Place,
  { moment, now, plan }: { moment: Moment; now: { time: number }; plan: PodPlan },
): NextStep {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = pod.metadata;
  const graceMs = deletionGracePeriodSeconds * 1000;
  const deletedAt = Date.parse(deletionTimestamp!) - graceMs;
  const dueAt = deletedAt + Math.min(plan.terminateMs, graceMs);
  if (now.time < dueAt) return { afterMs: dueAt - now.time };
  const isDone = deletionGracePeriodSeconds === 0 && finalizers.length > 0;
  if (finalizers.length === 0 || isTerminal(pod)) return isDone ? {} : { isGone: true };
  const life = new Life(pod, place, moment);
  return { status: life.end(plan.exitCode), isGone: !isDone };
}

class Life {
  readonly #pod: Pod;
  readonly #place: Place;
  readonly #moment: Moment;
  #init: ContainerStatus[];
  #main: ContainerStatus[];

  constructor(pod: Pod, place: Place, moment: Moment) {
    this.#pod = pod;
    this.#place = place;
    this.#moment = moment;
    this.#init = [...(pod.status.initContainerStatuses ?? [])];
    this.#main = [...(pod.status.containerStatuses ?? [])];
  }

  create(): void {
    const { initContainers = [], containers } = this.#pod.spec;
    const reason = initContainers.length > 0 ? 'PodInitializing' : 'ContainerCreating';
    const waiting = { type: 'waiting', reason } as const;
    for (const container of initContainers) this.#setInit(container, waiting);
    for (const container of containers) this.#setMain(container, waiting);
  }

  /** One step on: the next init container, the start, the end, the next try. */
  advance(plan: PodPlan): NextStep {
    if (this.#main.length === 0) this.create();
    const { initContainers = [] } = this.#pod.spec;
    for (const container of initContainers) {
      const { state, started } = this.#statusOfInit(container)!;
      const isSidecar = container.restartPolicy === 'Always';
      if (state.terminated || (isSidecar && started)) continue;
      const target: Target = state.running
        ? { type: 'terminated', exitCode: 0 }
        : { type: 'running', isReady: isSidecar };
      this.#setInit(container, target);
      return { status: this.status('Pending'), afterMs: plan.startMs };
    }
    return this.#advanceMain(plan);
  }

  end(exitCode: number): PodStatus {
    if (this.#main.length === 0) this.create();
    const target: Target = { type: 'terminated', exitCode };
    for (const container of this.#pod.spec.initContainers ?? [])
      if (!this.#statusOfInit(container)?.state.terminated) this.#setInit(container, target);
    for (const container of this.#pod.spec.containers) this.#setMain(container, target);
    return this.status(exitCode === 0 ? 'Succeeded' : 'Failed');
  }

  status(phase: Phase): PodStatus {
    const { hostIp, podIp } = this.#place;
    const { status, spec, metadata } = this.#pod;
    const isOver = phase === 'Succeeded' || phase === 'Failed';
    const hasAddress = [...this.#init, ...this.#main].some(({ containerID }) => containerID);
    const incomplete = (spec.initContainers ?? []).filter(
      (container) => !isInitialized(container, this.#statusOfInit(container)),
    );
    return {
      ...status,
      ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
      phase,
      conditions: podConditions(this.#pod, {
        phase,
        hasNetwork: hasAddress && !isOver,
        incomplete: incomplete.map(({ name }) => name),
        containers: this.#main,
        time: this.#moment.time,
      }),
      hostIP: hostIp,
      hostIPs: [{ ip: hostIp }],
      ...(hasAddress && { podIP: podIp, podIPs: [{ ip: podIp }] }),
      startTime: status.startTime ?? this.#moment.time,
      ...(this.#init.length > 0 && { initContainerStatuses: this.#init }),
      containerStatuses: this.#main.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    };
  }

  #advanceMain(plan: PodPlan): NextStep {
    const { containers } = this.#pod.spec;
    const states = this.#main.map(({ state }) => state);
    if (states.every(({ running }) => running)) return this.#advanceRunning(plan);
    const ended = this.#main.find(({ state }) => state.terminated);
    if (ended && ended.restartCount > 0) {
      const backOffMs = backOff(ended.restartCount);
      const message = `back-off ${backOffMs / 1000}s restarting failed container=${ended.name} pod=${this.#pod.metadata.name}_${this.#pod.metadata.namespace}(${this.#pod.metadata.uid})`;
      const target: Target = { type: 'waiting', reason: 'CrashLoopBackOff', message };
      for (const container of containers) this.#setMain(container, target);
      return { status: this.status('Running'), afterMs: backOffMs };
    }
    const isReady = plan.readyMs === 0;
    for (const container of containers) this.#setMain(container, { type: 'running', isReady });
    const { readyMs, exitMs } = plan;
    const afterMs = isReady || readyMs === 'never' ? exitMs : readyMs;
    return { status: this.status('Running'), ...(afterMs !== undefined && { afterMs }) };
  }

  #advanceRunning({ readyMs, exitMs, exitCode }: PodPlan): NextStep {
    const { containers, restartPolicy } = this.#pod.spec;
    const isReady = this.#main.every(({ ready }) => ready);
    if (!isReady && readyMs !== 'never') {
      for (const container of containers)
        this.#setMain(container, { type: 'running', isReady: true });
      return { status: this.status('Running'), ...(exitMs !== undefined && { afterMs: exitMs }) };
    }
    if (exitMs === undefined) return {};
    const leftMs = exitMs - this.#ranMs();
    if (leftMs > toleranceMs) return { afterMs: leftMs };
    const isOver = restartPolicy === 'Never' || (restartPolicy === 'OnFailure' && exitCode === 0);
    if (isOver) return { status: this.end(exitCode) };
    for (const container of containers) this.#setMain(container, { type: 'terminated', exitCode });
    return { status: this.status('Running'), afterMs: restartMs };
  }

  /** By the pod's own statuses, which know whole seconds. */
  #ranMs(): number {
    const { startedAt } = this.#main[0]?.state.running ?? {};
    return startedAt ? Date.parse(this.#moment.time) - Date.parse(startedAt) : 0;
  }

  #statusOfInit({ name }: Container): ContainerStatus | undefined {
    return this.#init.find((status) => status.name === name);
  }

  #setInit(container: Container, target: Target): void {
    this.#init = replaced(
      this.#init,
      containerStatusIn(this.#init, container, target, this.#moment),
    );
  }

  #setMain(container: Container, target: Target): void {
    this.#main = replaced(
      this.#main,
      containerStatusIn(this.#main, container, target, this.#moment),
    );
  }
}

function containerStatusIn(
  statuses: readonly ContainerStatus[],
  container: Container,
  target: Target,
  moment: Moment,
): ContainerStatus {
  const before = statuses.find(({ name }) => name === container.name);
  return containerStatus(container, before, target, moment);
}

function replaced(
  statuses: readonly ContainerStatus[],
  status: ContainerStatus,
): ContainerStatus[] {
  const index = statuses.findIndex(({ name }) => name === status.name);
  return index < 0 ? [...statuses, status] : statuses.with(index, status);
}

function isInitialized(container: Container, status: ContainerStatus | undefined): boolean {
  if (container.restartPolicy === 'Always') return status?.started === true;
  return status?.state.terminated?.exitCode === 0;
}

function backOff(restarts: number): number {
  return Math.min(firstBackOffMs * 2 ** (restarts - 1), longestBackOffMs);
}
