import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import { containerStates, sandboxStates } from '#agent/container-runtime/enums.ts';
import { RuntimeError } from '#agent/container-runtime/runtime-error.ts';
import type {
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeSandbox,
  RuntimeSandboxStatus,
} from '#agent/container-runtime/types.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { labels } from './containers/labels.ts';

export type PodContainerStatus = RuntimeContainerStatus & {
  /** The sandbox that the container belongs to. */
  readonly sandboxId: string;
};

/** A pod as the runtime has it: newest sandboxes and containers first. */
export interface RuntimePod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly sandboxes: readonly RuntimeSandboxStatus[];
  readonly containers: readonly PodContainerStatus[];
}

export interface RuntimeStateOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly log: Log;
  /** Something of this pod has changed in the runtime. */
  readonly changed: (uid: string) => void;
}

const relistMs = 1000;

/** No lists look like this: a pod whose look failed is looked at again with the next lists. */
const unseen = 'unseen';
const unhealthyMs = 180_000;

export const containerNameOf = (status: RuntimeContainerStatus): string =>
  status.labels[labels.containerName] ?? status.metadata?.name ?? '';

/**
 * What runs, as the runtime last said: it is asked for its lists every second, and about single pods
 * only where the lists have changed. The kubelet's own actions are followed by a look of their own.
 */
export class RuntimeState implements AsyncDisposable {
  readonly #options: RuntimeStateOptions;
  readonly #pods = new Map<string, RuntimePod>();
  readonly #seen = new Map<string, string>();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #lastRelist = -Infinity;
  #relists = 0;
  /** Looked at by itself while this relist was under way: the lists may be older. */
  readonly #refreshed = new Map<string, number>();
  /** A container has just ended: why it did may become known a moment later. */
  readonly #again = new Set<string>();

  constructor(options: RuntimeStateOptions) {
    this.#options = options;
  }

  /** Looks once, then again and again. */
  async start(): Promise<void> {
    await this.#relist();
    this.#running = this.#run();
  }

  get isHealthy(): boolean {
    return this.#options.clock.elapsed() - this.#lastRelist < unhealthyMs;
  }

  pod(uid: string): RuntimePod | undefined {
    return this.#pods.get(uid);
  }

  pods(): IterableIterator<RuntimePod> {
    return this.#pods.values();
  }

  /** Asks the runtime about one pod now. */
  async refresh(uid: string): Promise<RuntimePod | undefined> {
    const { runtime } = this.#options;
    const labelSelector = { [labels.podUid]: uid };
    const [{ items }, { containers }] = await Promise.all([
      runtime.listPodSandbox({ filter: { labelSelector } }),
      runtime.listContainers({ filter: { labelSelector } }),
    ]);
    this.#seen.set(uid, fingerprint(items, containers));
    this.#refreshed.set(uid, this.#relists);
    return await this.#inspect(uid, items, containers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The kubelet has been stopped'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(clock, relistMs, signal).catch(() => undefined); // stopped: the loop's condition ends it
      if (signal.aborted) return;
      try {
        await this.#relist();
      } catch (error) {
        log.warn('Cannot list what the runtime runs; trying again', { error });
      }
    }
  }

  async #relist(): Promise<void> {
    const { runtime, changed, clock, log } = this.#options;
    const current = ++this.#relists;
    this.#refreshed.clear();
    const [{ items }, { containers }] = await Promise.all([
      runtime.listPodSandbox({}),
      runtime.listContainers({}),
    ]);
    this.#lastRelist = clock.elapsed();
    const sandboxesOf = groupByPod(items);
    const containersOf = groupByPod(containers);
    const uids = new Set([...sandboxesOf.keys(), ...containersOf.keys(), ...this.#seen.keys()]);
    for (const uid of uids) {
      if (this.#refreshed.get(uid) === current) continue;
      const itsSandboxes = sandboxesOf.get(uid) ?? [];
      const itsContainers = containersOf.get(uid) ?? [];
      const now = fingerprint(itsSandboxes, itsContainers);
      const isSecondLook = this.#again.delete(uid);
      const isSame = now === this.#seen.get(uid);
      if (isSame && !isSecondLook) continue;
      this.#seen.set(uid, now);
      const before = reasonsOf(this.#pods.get(uid));
      try {
        const after = await this.#inspect(uid, itsSandboxes, itsContainers);
        if (!isSame || before !== reasonsOf(after)) changed(uid);
      } catch (error) {
        log.warn('Cannot look at a pod in the runtime; trying again', { uid, error });
      }
    }
  }

  async #inspect(
    uid: string,
    sandboxes: readonly RuntimeSandbox[],
    containers: readonly RuntimeContainer[],
  ): Promise<RuntimePod | undefined> {
    if (sandboxes.length === 0 && containers.length === 0) {
      this.#pods.delete(uid);
      this.#seen.delete(uid);
      return undefined;
    }
    const [sandboxStatuses, containerStatuses] = await this.#statusesOf(
      sandboxes,
      containers,
    ).catch((error: unknown) => {
      this.#seen.set(uid, unseen);
      throw error;
    });
    const of = (sandboxes[0] ?? containers[0])!.labels;
    const pod = {
      uid,
      name: of[labels.podName] ?? '',
      namespace: of[labels.podNamespace] ?? '',
      sandboxes: newestFirst(sandboxStatuses),
      containers: newestFirst(containerStatuses),
    };
    const known = this.#pods.get(uid)?.containers.filter(isExited).length ?? 0;
    if (pod.containers.filter(isExited).length > known) this.#again.add(uid);
    this.#pods.set(uid, pod);
    return pod;
  }

  #statusesOf(sandboxes: readonly RuntimeSandbox[], containers: readonly RuntimeContainer[]) {
    const { runtime } = this.#options;
    return Promise.all([
      Promise.all(
        sandboxes.map(({ id }) => statusOrGone(runtime.podSandboxStatus({ podSandboxId: id }))),
      ),
      Promise.all(
        containers.map(async ({ id, podSandboxId }) => {
          const status = await statusOrGone(runtime.containerStatus({ containerId: id }));
          return status && { ...status, sandboxId: podSandboxId };
        }),
      ),
    ]);
  }
}

/** What ended between the list and the question has no status any more. */
async function statusOrGone<T>(
  answer: Promise<{ readonly status: T | undefined }>,
): Promise<T | undefined> {
  try {
    return (await answer).status;
  } catch (error) {
    if (RuntimeError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

function newestFirst<T extends { readonly createdAt: bigint }>(
  all: readonly (T | undefined)[],
): T[] {
  return all
    .filter((one) => one !== undefined)
    .toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : Number(a.createdAt > b.createdAt) * -1));
}

function groupByPod<T extends { readonly labels: Readonly<Record<string, string>> }>(
  all: readonly T[],
): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const uid = one.labels[labels.podUid];
    if (!uid) continue;
    const group = groups.get(uid);
    if (group) group.push(one);
    else groups.set(uid, [one]);
  }
  return groups;
}

/** Why containers ended, as far as that is known. */
function reasonsOf(pod: RuntimePod | undefined): string {
  return (pod?.containers ?? []).map(({ id, reason }) => `${id}:${reason}`).join();
}

function fingerprint(
  sandboxes: readonly RuntimeSandbox[],
  containers: readonly RuntimeContainer[],
): string {
  const parts = [...sandboxes, ...containers].map(({ id, state }) => `${id}:${state}`);
  return parts.sort().join();
}

export const isRunning = ({ state }: RuntimeContainerStatus): boolean =>
  state === containerStates.running;
export const isExited = ({ state }: RuntimeContainerStatus): boolean =>
  state === containerStates.exited;
export const isReady = ({ state }: RuntimeSandboxStatus): boolean => state === sandboxStates.ready;

/** The pod's addresses: of its newest sandbox, while that is there. */
export function podIpsOf(pod: RuntimePod | undefined): string[] {
  const network = pod?.sandboxes[0]?.network;
  if (!network?.ip) return [];
  return [network.ip, ...(network.additionalIps ?? []).map(({ ip }) => ip ?? '')];
}
