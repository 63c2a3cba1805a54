import { sleep } from '#shared/base/clock.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { KubeletContext } from '../context.ts';
import { isCritical } from '../pods/pod-containers.ts';
import type { Verdict } from '../status/pod-status.ts';
import { evictionMessage } from './message.ts';
import type { NodeObservations } from './observe.ts';
import { rankForEviction, type UsageOf } from './ranking.ts';
import { signals, starvedOf, type Pressure, type Signal, type Starved } from './signals.ts';

export interface EvictionOptions {
  readonly context: Pick<KubeletContext, 'clock' | 'log' | 'recorder' | 'settings'>;
  readonly observe: () => Promise<NodeObservations>;
  readonly measure: (signal: Signal, hasImageFs: boolean) => Promise<UsageOf>;
  /** Removes ended containers and unused images. */
  readonly reclaimDisk: () => Promise<void>;
  /** Those that may have something running. */
  readonly pods: () => readonly Pod[];
  readonly evict: (pod: Pod, verdict: Verdict) => void;
  /** Nothing is left of the pod that could use anything. */
  readonly isCleanedUp: (pod: Pod) => boolean;
  /** The node's pressures are others now. */
  readonly changed: () => void;
}

const checkMs = 10_000;
const cleanUpCheckMs = 1000;
const longestCleanUpMs = 30_000;
/** A pressure is told for this long after it was last seen, so that pods do not come and go with it. */
const transitionMs = 300_000;

/** Ends pods, one at a time, before the node runs out of memory, disk or processes: upstream's eviction manager. */
export class Eviction implements AsyncDisposable {
  readonly #options: EvictionOptions;
  readonly #stop = new AbortController();
  readonly #seenAt = new Map<Pressure, number>();
  #running: Promise<void> | undefined;
  #pressures: readonly Pressure[] = [];

  constructor(options: EvictionOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  get pressures(): readonly Pressure[] {
    return this.#pressures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The kubelet has been stopped'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options.context;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const evicted = await this.#check();
        if (evicted) await this.#cleanedUp(evicted);
        else await sleep(clock, checkMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        log.warn('Cannot find out whether the node runs short; trying again', { error });
        await sleep(clock, checkMs, signal).catch(() => undefined); // stopped: the loop's condition ends it
      }
    }
  }

  /** Returns the pod that is being ended, if one is. */
  async #check(): Promise<Pod | undefined> {
    const { context, observe, measure, pods } = this.#options;
    const { evictionHard } = context.settings;
    const { observations, hasImageFs } = await observe();
    const [starved, ...others] = starvedOf(evictionHard, observations);
    this.#tell(starved ? [starved, ...others] : []);
    if (!starved) return undefined;
    const { signal } = starved;
    const { resource } = signals[signal];
    const { nodeName: name } = context.settings;
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: name } };
    context.recorder.record(
      node,
      'Warning',
      'EvictionThresholdMet',
      `Attempting to reclaim ${resource}`,
    );
    if (await this.#reclaim(signal, hasImageFs)) return undefined;
    const usageOf = await measure(signal, hasImageFs);
    for (const pod of rankForEviction(pods(), resource, usageOf)) {
      // Critical pods stay, whatever happens.
      if (isCritical(pod)) continue;
      this.#evict(pod, evictionMessage(pod, resource, { starved, usage: usageOf(pod) }));
      return pod;
    }
    context.log.warn('The node runs short, and there is no pod to end', { resource });
    return undefined;
  }

  #tell(starved: readonly Starved[]): void {
    const { clock } = this.#options.context;
    const now = clock.elapsed();
    for (const { signal } of starved) this.#seenAt.set(signals[signal].condition, now);
    const held = [...this.#seenAt].filter(([, at]) => now - at < transitionMs);
    const pressures = held.map(([pressure]) => pressure);
    const isSame = pressures.join() === this.#pressures.join();
    this.#pressures = pressures;
    if (!isSame) this.#options.changed();
  }

  /** Returns whether that was enough. */
  async #reclaim(signal: Signal, hasImageFs: boolean): Promise<boolean> {
    const { observe, reclaimDisk, context } = this.#options;
    const isDisk = signals[signal].condition === 'DiskPressure';
    if (!isDisk || (hasImageFs && signal.startsWith('nodefs.'))) return false;
    await reclaimDisk();
    const { observations } = await observe();
    return starvedOf(context.settings.evictionHard, observations).length === 0;
  }

  #evict(pod: Pod, message: string): void {
    const { context, evict } = this.#options;
    const reason = 'Evicted';
    context.recorder.record(pod, 'Warning', reason, message);
    evict(pod, { reason, message, isDisruption: true });
  }

  async #cleanedUp(pod: Pod): Promise<void> {
    const { context, isCleanedUp } = this.#options;
    const { clock } = context;
    const end = clock.elapsed() + longestCleanUpMs;
    while (!isCleanedUp(pod) && clock.elapsed() < end)
      await sleep(clock, cleanUpCheckMs, this.#stop.signal);
  }
}
