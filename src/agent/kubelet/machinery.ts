import { join } from 'node:path';
import { PodVolumes } from '#agent/volumes/index.ts';
import { createMounts } from '#agent/volumes/mounts.ts';
import { HeldTokens } from '#agent/volumes/tokens.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { Backoff } from './backoff.ts';
import type { PodCgroups } from './cgroups.ts';
import type { Capacity } from './containers/downward.ts';
import type { KubeletContext } from './context.ts';
import { createDirectory } from './directory.ts';
import { Eviction } from './eviction/index.ts';
import { observeNode } from './eviction/observe.ts';
import { diskPartsOf, measurePods } from './eviction/pod-usage.ts';
import type { Pressure } from './eviction/signals.ts';
import { Garbage } from './garbage.ts';
import { Housekeeping } from './housekeeping.ts';
import { ImageGarbage } from './images/image-garbage.ts';
import { ImagePuller } from './images/puller.ts';
import { canMountImages, type RuntimeInfo } from './node/runtime-info.ts';
import type { PodDirectory } from './pod-directory.ts';
import { PodSource } from './pods/source.ts';
import { PodWorkers } from './pods/workers.ts';
import { Prober } from './probes/prober.ts';
import { podIpsOf, RuntimeState } from './runtime-state.ts';
import { StatusWriter } from './status/status-writer.ts';

export interface MachineryOptions {
  readonly context: KubeletContext;
  readonly cgroups: PodCgroups;
  readonly runtimeInfo: () => RuntimeInfo;
  readonly allocatable: () => Capacity;
  /** What the node is short of has changed. */
  readonly pressuresChanged: () => void;
}

const initialBackoffMs = 10_000;
const maxBackoffMs = 300_000;
/** There is no time for more. */
const evictionGraceSeconds = 1;

/** All that has to do with pods, wired together: who is told of what. */
export class PodMachinery implements AsyncDisposable {
  readonly directory: PodDirectory;
  readonly state: RuntimeState;
  readonly #options: MachineryOptions;
  readonly #volumes: PodVolumes;
  readonly #prober: Prober;
  readonly #writer: StatusWriter;
  readonly #workers: PodWorkers;
  readonly #source: PodSource;
  readonly #housekeeping: Housekeeping;
  readonly #eviction: Eviction;

  constructor(options: MachineryOptions) {
    this.#options = options;
    const { context, cgroups } = options;
    const { runtime, clock, log } = context;
    this.state = new RuntimeState({ runtime, clock, log, changed: (uid) => this.#changed(uid) });
    this.#volumes = this.#makeVolumes();
    this.#prober = new Prober({
      context,
      runtimePod: (uid) => this.state.pod(uid),
      pod: (uid) => this.#workers.record(uid)?.pod,
      changed: (uid) => this.touch(uid),
    });
    this.#writer = new StatusWriter({ context, apiPod: (uid) => this.#apiPod(uid) });
    this.#workers = this.#makeWorkers();
    this.#source = this.#makeSource();
    const { state } = this;
    const [volumes, workers, source] = [this.#volumes, this.#workers, this.#source];
    const garbage = new Garbage({
      context,
      state,
      volumes,
      isKnown: (uid) => !source.isSynced || workers.record(uid) !== undefined,
      hasEnded: (uid) => workers.record(uid)?.stage === 'finished',
    });
    const imageGarbage = new ImageGarbage(context, state, () =>
      [...workers.records()].filter(({ stage }) => stage !== 'finished').map(({ pod }) => pod),
    );
    const parts = { context, state, volumes, cgroups, workers, source, garbage, imageGarbage };
    this.#housekeeping = new Housekeeping(parts);
    this.directory = createDirectory({ workers, state, writer: this.#writer, source });
    this.#eviction = this.#makeEviction(garbage, imageGarbage);
  }

  /** Looks at what runs already, then begins to run pods. */
  async start(): Promise<void> {
    await this.state.start();
    this.#source.start();
    this.#housekeeping.start();
    this.#eviction.start();
  }

  /** What the node is short of. */
  get pressures(): readonly Pressure[] {
    return this.#eviction.pressures;
  }

  /** Something that a pod needs has changed. */
  touch(uid: string): void {
    this.#workers.touch(uid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#eviction[Symbol.asyncDispose]();
    await this.#housekeeping[Symbol.asyncDispose]();
    await this.#source[Symbol.asyncDispose]();
    await this.#workers[Symbol.asyncDispose]();
    this.#prober[Symbol.dispose]();
    await this.#writer[Symbol.asyncDispose]();
    await this.state[Symbol.asyncDispose]();
  }

  #changed(uid: string): void {
    this.#workers.touch(uid);
    this.#housekeeping.changed(uid);
  }

  #apiPod(uid: string): Pod | undefined {
    const pod = this.#workers.record(uid)?.pod;
    return pod && this.#source.apiPod(pod);
  }

  #makeVolumes(): PodVolumes {
    const { context, allocatable } = this.#options;
    const { cluster, clock, log, objects, facts, settings } = context;
    const hostIps = settings.nodeAddresses;
    return new PodVolumes({
      cluster,
      clock,
      log,
      objects,
      mounts: createMounts(facts.kernelRelease, settings.runtimeEndpoint),
      podsFolder: join(settings.folders.kubelet, 'pods'),
      tokens: new HeldTokens(join(settings.folders.state, 'tokens')),
      addresses: ({ spec, metadata }) => ({
        podIps: spec.hostNetwork ? hostIps : podIpsOf(this.state.pod(metadata.uid)),
        hostIps,
      }),
      allocatable,
    });
  }

  #makeWorkers(): PodWorkers {
    const { context, cgroups, allocatable, runtimeInfo } = this.#options;
    const { clock, facts } = context;
    const backoff = new Backoff({ clock, initialMs: initialBackoffMs, maxMs: maxBackoffMs });
    const volumes = this.#volumes;
    return new PodWorkers({
      context,
      state: this.state,
      volumes,
      cgroups,
      prober: this.#prober,
      writer: this.#writer,
      gone: (uid) => this.#housekeeping.changed(uid),
      allocatable,
      start: {
        context,
        volumes,
        puller: new ImagePuller(context),
        backoff,
        allocatable,
        canMountImages: () => canMountImages(runtimeInfo()),
      },
      admission: () => ({
        hasGroupsPolicy: runtimeInfo().features?.supplementalGroupsPolicy === true,
        hasAppArmor: facts.hasAppArmor,
        pressures: this.pressures,
      }),
      runtimeName: () => runtimeInfo().name,
      networkProblem: () => runtimeInfo().networkProblem,
      apiStatus: (uid) => this.#apiPod(uid)?.status,
    });
  }

  #makeEviction(garbage: Garbage, imageGarbage: ImageGarbage): Eviction {
    const { context, pressuresChanged } = this.#options;
    const { directory } = this;
    const [workers, volumes] = [this.#workers, this.#volumes];
    return new Eviction({
      context,
      observe: () => observeNode(context),
      measure: (signal, hasImageFs) =>
        measurePods({ context, directory, volumes }, diskPartsOf(signal, hasImageFs)),
      async reclaimDisk() {
        await garbage.removeEnded();
        await imageGarbage.removeUnused();
      },
      pods: () =>
        [...workers.records()].filter(({ stage }) => stage === 'running').map(({ pod }) => pod),
      evict: ({ metadata }, verdict) => workers.evict(metadata.uid, verdict, evictionGraceSeconds),
      isCleanedUp: ({ metadata }) =>
        (workers.record(metadata.uid)?.stage ?? 'finished') === 'finished',
      changed: pressuresChanged,
    });
  }

  #makeSource(): PodSource {
    const { context } = this.#options;
    return new PodSource({
      context,
      staticFolder: join(context.settings.folders.kubelet, 'manifests'),
      update: (pod) => this.#workers.update(pod),
      remove: (uid) => this.#workers.remove(uid),
      told: (uid) => {
        this.#workers.retell(uid);
        this.#writer.touch(uid);
      },
    });
  }
}
