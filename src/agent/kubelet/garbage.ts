import { readdir, readlink, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { containerStates, sandboxStates } from '#agent/container-runtime/enums.ts';
import { RuntimeError } from '#agent/container-runtime/runtime-error.ts';
import type { PodVolumes } from '#agent/volumes/index.ts';
import type { KubeletContext } from './context.ts';
import { logLinkName, logLinksFolder, unlinkLog } from './containers/links.ts';
import {
  containerNameOf,
  isReady,
  isRunning,
  type PodContainerStatus,
  type RuntimePod,
  type RuntimeState,
} from './runtime-state.ts';

export interface GarbageOptions {
  readonly context: KubeletContext;
  readonly state: RuntimeState;
  readonly volumes: PodVolumes;
  /** Whether the pod is one of this node's now. */
  readonly isKnown: (uid: string) => boolean;
  /** Nothing of the pod will ever run again. */
  readonly hasEnded: (uid: string) => boolean;
}

const keptRunsPerContainer = 1;

/** Removes what ended containers and pods have left: the runtime's records, logs, links and folders. */
export class Garbage {
  readonly #options: GarbageOptions;
  readonly #removing = new Set<string>();

  constructor(options: GarbageOptions) {
    this.#options = options;
  }

  /** Of each container the last run is kept, so that its log and its end can still be seen. */
  async prune(uid: string, { keepsLast = true } = {}): Promise<void> {
    const pod = this.#options.state.pod(uid);
    if (!pod) return;
    const isGone = !keepsLast || !this.#options.isKnown(uid);
    const seen = new Map<string, number>();
    let removed = false;
    for (const status of pod.containers) {
      const name = containerNameOf(status);
      const count = seen.get(name) ?? 0;
      const isAlive = status.state === containerStates.running;
      if (!isAlive) seen.set(name, count + 1);
      if (isAlive || (!isGone && count < keptRunsPerContainer)) continue;
      if (status.state === containerStates.created && !isGone) continue;
      removed = (await this.#removeContainer(pod, status)) || removed;
    }
    if (removed) await this.#options.state.refresh(uid);
  }

  /** Once a minute: all pods, sandboxes that nothing is in, links to logs that are no more. */
  async sweep(): Promise<void> {
    const { state } = this.#options;
    for (const pod of state.pods()) {
      await this.prune(pod.uid);
      await this.#removeSandboxes(state.pod(pod.uid) ?? pod);
    }
    await this.#removeDeadLinks();
    await this.#removeLogFolders();
  }

  /** For want of space: of pods that have ended, the last runs, too. */
  async removeEnded(): Promise<void> {
    const { state, hasEnded } = this.#options;
    for (const { uid } of state.pods()) await this.prune(uid, { keepsLast: !hasEnded(uid) });
  }

  /** Folders of pods that this node does not know: what a pod that was deleted left behind. */
  async removeOrphans(): Promise<void> {
    const { volumes, isKnown, state, context } = this.#options;
    const folder = join(context.settings.folders.kubelet, 'pods');
    for (const uid of await readdir(folder).catch(() => [])) {
      // no pod has ever run here
      const runs = state.pod(uid);
      if (isKnown(uid) || runs?.containers.some(isRunning) || runs?.sandboxes.some(isReady))
        continue;
      await volumes.remove(uid);
    }
  }

  async #removeContainer(pod: RuntimePod, status: PodContainerStatus): Promise<boolean> {
    const { id: containerId, logPath } = status;
    if (this.#removing.has(containerId)) return false;
    this.#removing.add(containerId);
    const { runtime, log } = this.#options.context;
    try {
      await runtime.removeContainer({ containerId });
      if (logPath) await removeLogs(logPath);
      await unlinkLog(logLinkName(pod, containerNameOf(status), containerId));
      return true;
    } catch (error) {
      if (RuntimeError.is(error, 'NotFound')) return true;
      log.warn('Cannot remove an ended container; trying again later', { containerId, error });
      return false;
    } finally {
      this.#removing.delete(containerId);
    }
  }

  async #removeSandboxes({ uid, sandboxes, containers }: RuntimePod): Promise<void> {
    const { context, isKnown, state } = this.#options;
    const isGone = !isKnown(uid);
    let removed = false;
    for (const [at, sandbox] of sandboxes.entries()) {
      const isUsed = containers.some(({ sandboxId }) => sandboxId === sandbox.id);
      const isLatest = at === 0 && !isGone;
      if (sandbox.state !== sandboxStates.notReady || isUsed || isLatest) continue;
      try {
        await context.runtime.removePodSandbox({ podSandboxId: sandbox.id });
        removed = true;
      } catch (error) {
        context.log.warn('Cannot remove an ended sandbox; trying again later', {
          sandbox: sandbox.id,
          error,
        });
      }
    }
    if (removed) await state.refresh(uid);
  }

  async #removeDeadLinks(): Promise<void> {
    for (const name of await readdir(logLinksFolder).catch(() => [])) {
      // nothing has been logged yet
      const link = join(logLinksFolder, name);
      const target = await readlink(link).catch(() => undefined); // not a link of ours
      if (target === undefined) continue;
      const isThere = await stat(target).then(
        () => true,
        () => false,
      );
      if (!isThere) await unlink(link);
    }
  }

  async #removeLogFolders(): Promise<void> {
    const { context, isKnown, state } = this.#options;
    const folder = context.settings.folders.podLogs;
    for (const name of await readdir(folder).catch(() => [])) {
      // nothing has been logged yet
      const uid = name.split('_').at(-1) ?? '';
      if (isKnown(uid) || state.pod(uid)) continue;
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

/** A log and all that it has been rotated to. */
async function removeLogs(logPath: string): Promise<void> {
  const folder = join(logPath, '..');
  const name = logPath.slice(folder.length + 1);
  for (const entry of await readdir(folder).catch(() => [])) {
    // the pod's logs are gone already
    if (entry === name || entry.startsWith(`${name}.`))
      await rm(join(folder, entry), { force: true });
  }
}
