import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import type { ContainerStatus, Pod } from '#shared/api/types/core-v1.ts';

/** Why there is no log to read, in upstream's words. */
export function logRefusal(
  pod: Pod,
  name: string,
  { previous }: { readonly previous: boolean },
): string | undefined {
  const container = JSON.stringify(name);
  const podName = JSON.stringify(pod.metadata.name);
  const status = statusOf(pod, name);
  if (!status) return `container ${container} in pod ${podName} is not available`;
  const last = status.lastState?.terminated?.containerID;
  if (previous) {
    return last
      ? undefined
      : `previous terminated container ${container} in pod ${podName} not found`;
  }
  const { running, terminated, waiting } = status.state ?? {};
  if (running || terminated?.containerID || last) return undefined;
  if (terminated) return `container ${container} in pod ${podName} is terminated`;
  const what = `container ${container} in pod ${podName} is waiting to start`;
  if (!waiting) return `${what} - no logs yet`;
  if (waiting.reason === 'ErrImagePull') return `${what}: image can't be pulled`;
  if (waiting.reason === 'ImagePullBackOff') return `${what}: trying and failing to pull image`;
  return `${what}: ${waiting.reason ?? ''}`;
}

function statusOf({ status }: Pod, name: string): ContainerStatus | undefined {
  const all = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  return all.find((each) => each.name === name);
}

export function hasContainer({ spec }: Pod, name: string): boolean {
  const { containers, initContainers = [], ephemeralContainers = [] } = spec;
  return [...containers, ...initContainers, ...ephemeralContainers].some(
    (each) => each.name === name,
  );
}

/** Where the log is, and whether its container may still write to it. */
export interface LogSource {
  readonly path: string;
  isRunning(): boolean;
}

export function logSource(
  kubelet: PodDirectory,
  {
    uid,
    name,
    previous,
  }: { readonly uid: string; readonly name: string; readonly previous: boolean },
): LogSource | undefined {
  const place = kubelet.container(uid, name, { previous });
  if (!place) return undefined;
  return {
    path: place.logPath,
    isRunning() {
      const now = kubelet.container(uid, name);
      return now?.id === place.id && now.running;
    },
  };
}
