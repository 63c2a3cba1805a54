import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import type { ContainerStatus, Pod } from '#shared/api/types/core-v1.ts';

/** Which container's log is meant, by the CRI's id; or why there is none, in upstream's words. */
export function wantedContainer(
  pod: Pod,
  name: string,
  { previous }: { readonly previous: boolean },
): { readonly id: string } | { readonly refusal: string } {
  const container = JSON.stringify(name);
  const podName = JSON.stringify(pod.metadata.name);
  const refuse = (why: string): { readonly refusal: string } => ({
    refusal: `container ${container} in pod ${podName} is ${why}`,
  });
  const status = statusOf(pod, name);
  if (!status) return refuse('not available');
  const last = status.lastState?.terminated?.containerID;
  if (previous) {
    if (last) return { id: idOf(last) };
    return {
      refusal: `previous terminated container ${container} in pod ${podName} not found`,
    };
  }
  const { running, terminated, waiting } = status.state ?? {};
  const current = running ? status.containerID : terminated?.containerID;
  if (running || current || last) return { id: idOf(current ?? last ?? '') };
  if (terminated) return refuse('terminated');
  const { reason } = waiting ?? {};
  if (!waiting) return refuse('waiting to start - no logs yet');
  if (reason === 'ErrImagePull') return refuse("waiting to start: image can't be pulled");
  if (reason === 'ImagePullBackOff') {
    return refuse('waiting to start: trying and failing to pull image');
  }
  return refuse(`waiting to start: ${reason ?? ''}`);
}

/** Without the runtime's name: `containerd://…`. */
function idOf(containerId: string): string {
  return containerId.slice(containerId.lastIndexOf('/') + 1);
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

/** Absent where the runtime has no such container any more. */
export function logSource(
  kubelet: PodDirectory,
  { uid, name, id }: { readonly uid: string; readonly name: string; readonly id: string },
): LogSource | undefined {
  const latest = kubelet.container(uid, name);
  const places = [latest, kubelet.container(uid, name, { previous: true })];
  // A status that does not say which one means the latest.
  const place = id === '' ? latest : places.find((each) => each?.id === id);
  if (!place) return undefined;
  return {
    path: place.logPath,
    isRunning() {
      const now = kubelet.container(uid, name);
      return now?.id === place.id && now.running;
    },
  };
}
