import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { alignToWindow, backoffEnd, windowMs, type BackoffOptions } from './backoff.ts';
import {
  forceActivate,
  isInterested,
  isWildcard,
  podUpdateEvents,
  unschedulableTimeout,
  type ClusterEvent,
  type EventInterest,
} from './cluster-events.ts';
import { Heap } from './heap.ts';
import type { Nominator } from './nominator.ts';
import { PodInfo } from './pod-info.ts';
import type { Profile } from './profile.ts';
import { QueuedPod, type QueueName } from './queued-pod.ts';

export interface QueueOptions extends BackoffOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly nominator: Nominator;
  /** Called whenever `pop` may have something. */
  onWork(): void;
}

/** An object that changed: absent `before` when it is new, absent `after` when it is gone. */
export interface ObjectChange {
  readonly before?: unknown;
  readonly after?: unknown;
}

const longestWaitMs = 5 * 60_000;
const leftoverCheckMs = 30_000;
const added = 'UnschedulablePodAdd';
const updated = 'UnschedulablePodUpdate';

/**
 * Pods that are to be scheduled: at once (active), once their backoff is over (backoff), or when
 * something happens that may help (unschedulable). A decision takes one turn, in which nothing can
 * happen in the cluster, so no events have to be kept for pods in flight.
 */
export class SchedulingQueue implements Disposable {
  readonly #options: QueueOptions;
  readonly #pods = new Map<string, QueuedPod>();
  readonly #active: Heap<QueuedPod>;
  readonly #backoff: Heap<QueuedPod>;
  /** After failures of the scheduler itself: these are never taken before their time. */
  readonly #errorBackoff: Heap<QueuedPod>;
  /** Waiting pods by the plugin that refused them; '' for those refused by none. */
  readonly #refused = new Map<string, Set<QueuedPod>>();
  #order = 0;
  #backoffTimer: Disposable | undefined;
  #leftoverTimer: Disposable | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
    const isBefore = (a: QueuedPod, b: QueuedPod): boolean => this.#isBefore(a, b);
    this.#active = new Heap(isBefore);
    const ends = (queued: QueuedPod): number => backoffEnd(queued, options);
    this.#backoff = new Heap((a, b) => (ends(a) === ends(b) ? isBefore(a, b) : ends(a) < ends(b)));
    this.#errorBackoff = new Heap((a, b) => ends(a) < ends(b));
  }

  get(key: string): QueuedPod | undefined {
    return this.#pods.get(key);
  }

  values(): Iterable<QueuedPod> {
    return this.#pods.values();
  }

  /** How many pods are where. */
  depths(): Readonly<Record<QueueName, number>> {
    const depths = { active: 0, backoff: 0, unschedulable: 0, 'in flight': 0 };
    for (const { queue } of this.#pods.values()) depths[queue]++;
    return depths;
  }

  add(pod: Pod): void {
    const info = new PodInfo(pod);
    const known = this.#pods.get(info.key);
    if (known) this.#take(known);
    const queued = new QueuedPod(info, this.#options.clock.now(), this.#order++);
    this.#pods.set(info.key, queued);
    if (this.#toActive(queued, added)) this.#options.onWork();
  }

  update(before: Pod, after: Pod): void {
    const info = new PodInfo(after);
    const queued = this.#pods.get(info.key);
    if (!queued || queued.pod.uid !== info.uid) return this.add(after);
    queued.pod = info;
    this.#options.nominator.update(before, info);
    if (queued.queue === 'active') this.#active.update(queued);
    else if (queued.queue === 'backoff') this.#heapOf(queued).update(queued);
    if (queued.queue !== 'unschedulable') return;
    for (const event of podUpdateEvents(after, before)) {
      const isWorth = this.#isWorthTrying(queued, event, { before, after });
      if (isWorth && this.#requeue(queued, event.label)) return this.#options.onWork();
    }
  }

  delete(key: string): void {
    const queued = this.#pods.get(key);
    if (!queued) return;
    this.#take(queued);
    this.#options.nominator.delete(queued.pod.uid);
    this.#pods.delete(key);
  }

  /** The next pod to schedule. An idle scheduler does not wait for backoffs to end. */
  pop(): QueuedPod | undefined {
    const queued = this.#active.peek() ?? this.#backoff.peek();
    if (!queued) return undefined;
    const because = queued.queue === 'active' ? queued.wokenBy : 'PopFromBackoffQ';
    this.#take(queued);
    queued.attempts++;
    queued.firstAttemptAt ??= this.#options.clock.now();
    queued.moved({ at: this.#options.clock.now(), to: 'in flight', because });
    return queued;
  }

  /** Takes back a pod whose attempt failed; `plugins` are those that refused it. */
  putBack(queued: QueuedPod, pod: Pod, plugins: ReadonlySet<string>): void {
    queued.pod = new PodInfo(pod);
    queued.rejectors = plugins;
    queued.gatedBy = '';
    if (plugins.size === 0) queued.consecutiveErrors++;
    else {
      queued.unschedulableCount++;
      queued.consecutiveErrors = 0;
    }
    queued.timestamp = this.#options.clock.now();
    queued.order = this.#order++;
    queued.backoffUntil = 0;
    if (plugins.size > 0) this.#toUnschedulable(queued, 'ScheduleAttemptFailure');
    else if (this.#requeue(queued, 'ScheduleAttemptFailure')) this.#options.onWork();
  }

  /** Moves the pods that the change may have made schedulable. */
  move(event: ClusterEvent, change: ObjectChange, isMeant?: (pod: PodInfo) => boolean): void {
    let moved = false;
    for (const queued of this.#candidates(event)) {
      if (isMeant && !isMeant(queued.pod)) continue;
      const isBlocked =
        queued.isGated && !queued.gatingEvents.some((interest) => isInterested(interest, event));
      if (isBlocked || !this.#isWorthTrying(queued, event, change)) continue;
      if (this.#requeue(queued, event.label)) moved = true;
    }
    if (moved) this.#options.onWork();
  }

  /** Has a waiting pod tried at once. */
  activate(key: string): void {
    const queued = this.#pods.get(key);
    if (!queued || queued.queue === 'active' || queued.queue === 'in flight') return;
    if (this.#toActive(queued, forceActivate.label)) this.#options.onWork();
  }

  [Symbol.dispose](): void {
    this.#backoffTimer?.[Symbol.dispose]();
    this.#leftoverTimer?.[Symbol.dispose]();
  }

  #isBefore(a: QueuedPod, b: QueuedPod): boolean {
    const profile = this.#profileOf(a) ?? this.#profileOf(b);
    return profile?.isBefore(a, b) ?? a.timestamp < b.timestamp;
  }

  #profileOf({ pod: { pod } }: QueuedPod): Profile | undefined {
    return this.#options.profiles.get(pod.spec.schedulerName ?? '');
  }

  /** Waiting pods whose refusal the event could cure. */
  #candidates(event: ClusterEvent): readonly QueuedPod[] {
    if (this.#refused.size === 0) return [];
    const found = new Set<QueuedPod>(this.#refused.get(''));
    for (const [plugin, pods] of this.#refused) {
      if (plugin === '') continue;
      if (isWildcard(event) || this.#isOfInterest(plugin, event))
        for (const queued of pods) found.add(queued);
    }
    return [...found];
  }

  #isOfInterest(plugin: string, event: ClusterEvent): boolean {
    for (const { interests } of this.#options.profiles.values())
      if (interests.get(plugin)?.some((interest) => isInterested(interest, event))) return true;
    return false;
  }

  #isWorthTrying(queued: QueuedPod, event: ClusterEvent, { before, after }: ObjectChange): boolean {
    if (queued.rejectors.size === 0) return true;
    if (isWildcard(event)) return true;
    const profile = this.#profileOf(queued);
    for (const plugin of queued.rejectors) {
      for (const interest of profile?.interests.get(plugin) ?? []) {
        if (!isInterested(interest, event)) continue;
        if (this.#isHopeful(interest, queued.pod, { before, after })) return true;
      }
    }
    return false;
  }

  /** A hint that fails is no reason to let a pod wait. */
  #isHopeful(interest: EventInterest, pod: PodInfo, { before, after }: ObjectChange): boolean {
    try {
      return interest.hint?.(pod, before, after) ?? true;
    } catch (error) {
      this.#options.log.error('A queueing hint failed', { pod: pod.key, error });
      return true;
    }
  }

  /** To the active queue, or to wait for the end of the backoff; false when the pod is gated. */
  #requeue(queued: QueuedPod, because: string): boolean {
    const { clock } = this.#options;
    const isBackingOff = backoffEnd(queued, this.#options) >= alignToWindow(clock.now());
    if (!isBackingOff) return this.#toActive(queued, because);
    if (this.#isRefusedEntry(queued, because)) return false;
    this.#take(queued);
    queued.moved({ at: clock.now(), to: 'backoff', because });
    this.#heapOf(queued).push(queued);
    this.#watchBackoffs();
    return true;
  }

  #toActive(queued: QueuedPod, because: string): boolean {
    const { clock, nominator } = this.#options;
    if (this.#isRefusedEntry(queued, because)) return false;
    this.#take(queued);
    queued.moved({ at: clock.now(), to: 'active', because });
    this.#active.push(queued);
    if (because === added || because === updated) nominator.add(queued.pod);
    return true;
  }

  /** Asks the preEnqueue plugins; a pod that is refused waits as unschedulable. */
  #isRefusedEntry(queued: QueuedPod, because: string): boolean {
    const profile = this.#profileOf(queued);
    for (const { name, preEnqueue, events = [] } of profile?.preEnqueue ?? []) {
      if (!preEnqueue?.(queued.pod)) continue;
      this.#take(queued);
      queued.gatedBy = name;
      queued.gatingEvents = events;
      queued.rejectors = new Set([...queued.rejectors, name]);
      this.#toUnschedulable(queued, because);
      return true;
    }
    queued.gatedBy = '';
    return false;
  }

  #toUnschedulable(queued: QueuedPod, because: string): void {
    this.#take(queued);
    queued.moved({ at: this.#options.clock.now(), to: 'unschedulable', because });
    for (const plugin of queued.rejectors.size > 0 ? queued.rejectors : ['']) {
      const pods = this.#refused.get(plugin);
      if (pods) pods.add(queued);
      else this.#refused.set(plugin, new Set([queued]));
    }
    this.#leftoverTimer ??= this.#options.clock.after(leftoverCheckMs, () =>
      this.#flushLeftovers(),
    );
  }

  /** Takes the pod out of the queue it is in. */
  #take(queued: QueuedPod): void {
    if (queued.queue === 'active') this.#active.delete(queued);
    else if (queued.queue === 'backoff') this.#heapOf(queued).delete(queued);
    else if (queued.queue === 'unschedulable') {
      for (const [plugin, pods] of this.#refused)
        if (pods.delete(queued) && pods.size === 0) this.#refused.delete(plugin);
    }
    queued.queue = 'in flight';
  }

  #heapOf({ rejectors }: QueuedPod): Heap<QueuedPod> {
    return rejectors.size === 0 ? this.#errorBackoff : this.#backoff;
  }

  #watchBackoffs(): void {
    const { clock } = this.#options;
    if (this.#backoffTimer || this.#backoff.size + this.#errorBackoff.size === 0) return;
    const wait = alignToWindow(clock.now()) + windowMs - clock.now();
    this.#backoffTimer = clock.after(wait, () => this.#flushBackoffs());
  }

  #flushBackoffs(): void {
    this.#backoffTimer = undefined;
    const now = alignToWindow(this.#options.clock.now());
    let moved = false;
    for (const heap of [this.#backoff, this.#errorBackoff]) {
      for (;;) {
        const queued = heap.peek();
        if (!queued || backoffEnd(queued, this.#options) >= now) break;
        this.#take(queued);
        queued.moved({ at: this.#options.clock.now(), to: 'active', because: 'BackoffComplete' });
        this.#active.push(queued);
        moved = true;
      }
    }
    this.#watchBackoffs();
    if (moved) this.#options.onWork();
  }

  /** Tries pods again that nothing has happened for in a long time. */
  #flushLeftovers(): void {
    this.#leftoverTimer = undefined;
    const now = this.#options.clock.now();
    const isOld = ({ key }: PodInfo): boolean =>
      now - (this.#pods.get(key)?.timestamp ?? now) > longestWaitMs;
    this.move(unschedulableTimeout, {}, isOld);
    if (this.#refused.size === 0 || this.#leftoverTimer) return;
    this.#leftoverTimer = this.#options.clock.after(leftoverCheckMs, () => this.#flushLeftovers());
  }
}
