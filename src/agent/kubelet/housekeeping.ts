import { sleep } from '#shared/base/clock.ts';
import type { PodVolumes } from '#agent/volumes/index.ts';
import type { PodCgroups } from './cgroups.ts';
import { rotateLogs } from './containers/log-rotation.ts';
import type { KubeletContext } from './context.ts';
import { diskVerdict } from './disk-limits.ts';
import type { Garbage } from './garbage.ts';
import type { ImageGarbage } from './images/image-garbage.ts';
import { labels } from './containers/labels.ts';
import { killPodContainers } from './containers/kill.ts';
import { orphanPod } from './pods/orphan.ts';
import type { PodSource } from './pods/source.ts';
import { stopSandboxes } from './pods/stop.ts';
import type { PodWorkers } from './pods/workers.ts';
import type { RuntimeState } from './runtime-state.ts';

export interface HousekeepingOptions {
  readonly context: KubeletContext;
  readonly state: RuntimeState;
  readonly volumes: PodVolumes;
  readonly cgroups: PodCgroups;
  readonly workers: PodWorkers;
  readonly source: PodSource;
  readonly garbage: Garbage;
  readonly imageGarbage: ImageGarbage;
}

const pruneDelayMs = 1000;

/** What has to be done now and then, each thing in its own rhythm; a failure is told and tried again. */
export class Housekeeping implements AsyncDisposable {
  readonly #options: HousekeepingOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #pruning = new Map<string, Disposable>();

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    const { context, state, garbage, imageGarbage } = this.#options;
    this.#every(2000, 'end pods that are not wanted', () => this.#endOrphans());
    this.#every(10_000, 'rotate logs', () => rotateLogs(context, state));
    this.#every(10_000, 'check the disk use of pods', () => this.#checkDisk());
    this.#every(60_000, 'remove ended containers', () => garbage.sweep());
    this.#every(60_000, 'share CPU', () => this.#share());
    this.#every(300_000, 'remove images', () => imageGarbage.collect());
  }

  /** A container of the pod has ended or been replaced: soon after, older runs may go. */
  changed(uid: string): void {
    if (this.#pruning.has(uid) || this.#stop.signal.aborted) return;
    const { context, garbage } = this.#options;
    const timer = context.clock.after(pruneDelayMs, () => {
      this.#pruning.delete(uid);
      garbage
        .prune(uid)
        .catch((error: unknown) =>
          context.log.warn('Cannot remove ended containers', { uid, error }),
        );
    });
    this.#pruning.set(uid, timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The kubelet has been stopped'));
    for (const timer of this.#pruning.values()) timer[Symbol.dispose]();
    await Promise.all(this.#running);
  }

  #every(ms: number, what: string, work: () => Promise<void>): void {
    const { clock, log } = this.#options.context;
    const { signal } = this.#stop;
    const run = async (): Promise<void> => {
      while (!signal.aborted) {
        await sleep(clock, ms, signal).catch(() => undefined); // stopped: the loop's condition ends it
        if (signal.aborted) return;
        try {
          await work();
        } catch (error) {
          if (!signal.aborted) log.warn('Housekeeping failed; trying again later', { what, error });
        }
      }
    };
    this.#running.push(run());
  }

  /** What runs although nobody wants it, left from before a restart, is ended; then its traces go. */
  async #endOrphans(): Promise<void> {
    const { context, state, source, workers, garbage, cgroups } = this.#options;
    if (!source.isSynced) return;
    for (const runtimePod of state.pods()) {
      if (workers.record(runtimePod.uid) || source.has(runtimePod.uid)) continue;
      const isAlive = runtimePod.sandboxes.some(({ state: now }) => now === 0);
      if (!isAlive) continue;
      context.log.info('Ending a pod that nobody wants', {
        pod: runtimePod.name,
        namespace: runtimePod.namespace,
      });
      await killPodContainers(context, orphanPod(runtimePod), runtimePod);
      await stopSandboxes(context, runtimePod);
      await state.refresh(runtimePod.uid);
    }
    await garbage.removeOrphans();
    const uids = new Set([...workers.records()].map(({ uid }) => uid));
    for (const { uid } of state.pods()) uids.add(uid);
    await cgroups.sweep(uids);
  }

  async #checkDisk(): Promise<void> {
    const { context, volumes, workers } = this.#options;
    for (const { uid, pod, stage } of workers.records()) {
      if (stage !== 'running') continue;
      const verdict = await diskVerdict(pod, volumes, () => this.#usageOf(uid));
      if (!verdict) continue;
      context.recorder.record(pod, 'Warning', verdict.reason, verdict.message);
      workers.evict(uid, verdict, 1);
    }
  }

  async #usageOf(uid: string): Promise<ReadonlyMap<string, number>> {
    const { runtime } = this.#options.context;
    const { stats } = await runtime.listContainerStats({
      filter: { labelSelector: { [labels.podUid]: uid } },
    });
    return new Map(
      stats.map(({ attributes, writableLayer }) => [
        attributes?.labels?.[labels.containerName] ?? '',
        writableLayer?.usedBytes?.value ?? 0,
      ]),
    );
  }

  async #share(): Promise<void> {
    const { cgroups, workers } = this.#options;
    const running = [...workers.records()].filter(({ stage }) => stage === 'running');
    await cgroups.share(running.map(({ pod }) => pod));
  }
}
