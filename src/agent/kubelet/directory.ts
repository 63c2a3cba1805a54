import type { Pod } from '#shared/api/types/core-v1.ts';
import type { PodDirectory } from './pod-directory.ts';
import type { PodSource } from './pods/source.ts';
import type { PodWorkers } from './pods/workers.ts';
import { containerNameOf, isReady, isRunning, type RuntimeState } from './runtime-state.ts';
import type { StatusWriter } from './status/status-writer.ts';

export interface DirectoryParts {
  readonly workers: PodWorkers;
  readonly state: RuntimeState;
  readonly writer: StatusWriter;
  readonly source: PodSource;
}

export function createDirectory({ workers, state, writer, source }: DirectoryParts): PodDirectory {
  const shown = (pod: Pod): Pod => ({
    ...pod,
    status: writer.status(pod.metadata.uid) ?? pod.status,
  });
  return {
    pods: () => [...workers.records()].map(({ pod }) => shown(pod)),
    find(namespace, name, uid) {
      for (const { pod } of workers.records()) {
        const { metadata } = pod;
        if (metadata.namespace !== namespace || metadata.name !== name) continue;
        const isAsked =
          uid === undefined || metadata.uid === uid || source.apiPod(pod)?.metadata.uid === uid;
        if (isAsked) return shown(pod);
      }
      return undefined;
    },
    sandboxId(uid) {
      const sandboxes = state.pod(uid)?.sandboxes ?? [];
      return (sandboxes.find(isReady) ?? sandboxes[0])?.id;
    },
    container(uid, name, { previous = false } = {}) {
      const runs = (state.pod(uid)?.containers ?? []).filter(
        (one) => containerNameOf(one) === name,
      );
      const found = runs[previous ? 1 : 0];
      return found && { id: found.id, logPath: found.logPath, running: isRunning(found) };
    },
  };
}
