import type { PodAddresses } from '#main/simulation/addresses.ts';
import { isTerminal, nextStep } from '#main/simulation/pod-life.ts';
import { planOf } from '#main/simulation/annotations.ts';
import { TimerWheel } from '#main/simulation/timer-wheel.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import { KeyedLoop, exponential } from '#shared/base/keyed-loop.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { Change } from '#shared/client/informer.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';

/** Where pods are simulated. */
export interface SimulatedPlace {
  readonly hostIp: string;
  /** Absent until the node has been given a range. */
  readonly addresses: PodAddresses | undefined;
}

export interface PodWorkerOptions {
  readonly clock: Clock;
  readonly log: Log;
  clusterFor(node: string): Cluster;
  find(key: string): Pod | undefined;
  /** Nothing for a node that is not simulated. */
  placeOf(node: string): SimulatedPlace | undefined;
}

/** What is remembered of a pod besides its status. */
interface Lodger {
  readonly uid: string;
  readonly node: string;
  readonly seenAt: number;
  address: string | undefined;
  isDue: boolean;
  isPlanned: boolean;
}

const concurrency = 64;
const stepMs = 50;

/** Lets every pod on a simulated node live its life: one loop and one wheel of timers for all of them. */
export class PodWorker implements AsyncDisposable {
  readonly #options: PodWorkerOptions;
  readonly #lodgers = new Map<string, Lodger>();
  readonly #loop: KeyedLoop<string>;
  readonly #wheel: TimerWheel<string>;
  /** Pods whose node has no range yet. */
  readonly #homeless = new Map<string, Set<string>>();

  constructor(options: PodWorkerOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#loop = new KeyedLoop({
      clock,
      concurrency,
      run: (key) => this.#step(key),
      backoffMs: exponential(50, 10_000),
      onError: (pod, error) => {
        if (!ApiError.is(error, 'Conflict')) log.warn('Cannot simulate a pod', { pod, error });
      },
    });
    this.#wheel = new TimerWheel(clock, stepMs, (key) => {
      const lodger = this.#lodgers.get(key);
      if (!lodger) return;
      lodger.isDue = true;
      lodger.isPlanned = false;
      this.#loop.add(key);
    });
  }

  /** Every change of every pod comes here; most are none of our business, or our own. */
  receive({ before, after }: Change<Pod>): void {
    const key = keyOf((after ?? before)!.metadata);
    const lodger = this.#lodgers.get(key);
    if (!after || (lodger && lodger.uid !== after.metadata.uid)) {
      if (lodger) this.#forget(key, lodger);
      if (!after) return;
    }
    const { nodeName } = after.spec;
    if (!nodeName || !this.#options.placeOf(nodeName)) return;
    if (!lodger || !this.#lodgers.has(key)) return this.#admit(key, after, nodeName);
    if (isTerminal(after)) this.#release(lodger);
    if (concernsUs(before, after)) this.#loop.add(key);
  }

  /** The node has a range now: pods that waited for it get their addresses. */
  settle(node: string): void {
    const waiting = this.#homeless.get(node);
    this.#homeless.delete(node);
    for (const key of waiting ?? []) this.#loop.add(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#wheel[Symbol.dispose]();
    await this.#loop[Symbol.asyncDispose]();
  }

  #admit(key: string, pod: Pod, node: string): void {
    const address = holdsAddress(pod) ? pod.status.podIP : undefined;
    if (address) this.#options.placeOf(node)?.addresses?.reserve(address);
    this.#lodgers.set(key, {
      uid: pod.metadata.uid,
      node,
      seenAt: this.#options.clock.elapsed(),
      address,
      isDue: false,
      isPlanned: false,
    });
    this.#loop.add(key);
  }

  #forget(key: string, lodger: Lodger): void {
    this.#lodgers.delete(key);
    this.#wheel.delete(key);
    this.#release(lodger);
  }

  #release(lodger: Lodger): void {
    const { address, node } = lodger;
    lodger.address = undefined;
    if (address) this.#options.placeOf(node)?.addresses?.release(address);
  }

  async #step(key: string): Promise<void> {
    const { clock } = this.#options;
    const pod = this.#options.find(key);
    const lodger = this.#lodgers.get(key);
    if (!pod || !lodger || pod.metadata.uid !== lodger.uid) return;
    if (isTerminal(pod) && pod.metadata.deletionTimestamp === undefined) return;
    const place = this.#placeFor(key, pod, lodger);
    if (!place) return;
    const isLate = !pod.status.startTime && clock.elapsed() - lodger.seenAt >= planOf(pod).startMs;
    const { isPlanned } = lodger;
    const isDue = lodger.isDue || isLate;
    const step = nextStep(pod, place, { time: clock.now(), isDue, isPlanned });
    lodger.isDue = false;
    try {
      await this.#write(pod, lodger.node, step);
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return;
      lodger.isDue = isDue;
      throw error;
    }
    if (step.afterMs === undefined) return;
    lodger.isPlanned = true;
    this.#wheel.set(key, step.afterMs);
  }

  /** Nothing while there is no address to be had; the pod then waits. */
  #placeFor(
    key: string,
    { spec, status }: Pod,
    lodger: Lodger,
  ): { readonly hostIp: string; readonly podIp: string } | undefined {
    const place = this.#options.placeOf(lodger.node);
    if (!place) return undefined;
    const { hostIp, addresses } = place;
    if (spec.hostNetwork) return { hostIp, podIp: hostIp };
    if (status.podIP) return { hostIp, podIp: status.podIP };
    lodger.address ??= addresses?.take();
    if (lodger.address) return { hostIp, podIp: lodger.address };
    const waiting = this.#homeless.get(lodger.node);
    if (waiting) waiting.add(key);
    else this.#homeless.set(lodger.node, new Set([key]));
    return undefined;
  }

  async #write(
    pod: Pod,
    node: string,
    { status, isGone }: ReturnType<typeof nextStep>,
  ): Promise<void> {
    if (!status && !isGone) return;
    const cluster = this.#options.clusterFor(node);
    if (status) await cluster.update(pods, { ...pod, status }, { subresource: 'status' });
    if (!isGone) return;
    const { uid } = pod.metadata;
    await cluster.delete(pods, pod.metadata, { gracePeriodSeconds: 0, preconditions: { uid } });
  }
}

/** A pod has an address of its own until it has ended. */
export function holdsAddress(pod: Pod): boolean {
  return !pod.spec.hostNetwork && !isTerminal(pod);
}

/** Changes that are not what we wrote ourselves, or may not be: of a node called silent, all pods are called unready. */
function concernsUs(before: Pod | undefined, after: Pod): boolean {
  if (!before) return true;
  const { metadata: old } = before;
  const { metadata: now } = after;
  return (
    old.deletionTimestamp !== now.deletionTimestamp ||
    old.deletionGracePeriodSeconds !== now.deletionGracePeriodSeconds ||
    old.generation !== now.generation ||
    (isReady(before) && !isReady(after)) ||
    (after.spec.readinessGates !== undefined &&
      before.status.conditions !== after.status.conditions)
  );
}

function isReady({ status }: Pod): boolean {
  return status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
}
