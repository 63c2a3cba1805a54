import { containerStates } from '#agent/container-runtime/enums.ts';
import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  VolumeMountStatus,
} from '#shared/api/types/core-v1.ts';
import { isSidecar, type ContainerKind } from '../pods/pod-containers.ts';
import { restartsAfter } from '../pods/restart-policy.ts';
import { containerNameOf, type PodContainerStatus } from '../runtime-state.ts';
import { annotations } from '../containers/labels.ts';

export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
}

export interface StatusSources {
  readonly pod: Pod;
  readonly statuses: readonly PodContainerStatus[];
  /** What was reported before. */
  readonly previous: readonly ContainerStatus[];
  /** Why the last try to start the container did not succeed. */
  readonly waitingFor: (container: string) => WaitingReason | undefined;
  /** By the CRI's id: what a container that has ended left to be said. */
  readonly messages: ReadonlyMap<string, string>;
  /** `containerd`: containers' ids are told with it. */
  readonly runtimeName: string;
  readonly isVolumeShown: (volume: string) => boolean;
}

/** How the pod's containers of one kind are, in the API's terms. */
export function containerStatuses(
  containers: readonly Container[],
  kind: ContainerKind,
  sources: StatusSources,
): ContainerStatus[] {
  const statuses = containers.map((container) => statusOf(container, kind, sources));
  if (kind === 'init') return statuses;
  return statuses.toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}

function statusOf(
  container: Container,
  kind: ContainerKind,
  sources: StatusSources,
): ContainerStatus {
  const { pod, previous } = sources;
  const runs = sources.statuses.filter((one) => containerNameOf(one) === container.name);
  const [latest, before] = runs;
  const old = previous.find(({ name }) => name === container.name);
  const base = latest
    ? fromRuntime(container, kind, { latest, before, old, sources })
    : withoutRun(container, kind, { pod, old });
  return waitingStatus(container, { latest, status: base, kind, sources });
}

interface Runs {
  readonly latest: PodContainerStatus;
  readonly before: PodContainerStatus | undefined;
  readonly old: ContainerStatus | undefined;
  readonly sources: StatusSources;
}

function fromRuntime(
  container: Container,
  kind: ContainerKind,
  { latest, before, old, sources }: Runs,
): ContainerStatus {
  const { pod, runtimeName } = sources;
  const state = stateOf(latest, { old, sources, pod });
  const lastState = before
    ? stateOf(before, { old: undefined, sources, pod })
    : lastStateOf(latest, old);
  const { user } = latest;
  return {
    name: container.name,
    state,
    lastState: lastState.terminated ? lastState : {},
    ready: false,
    restartCount: Number(
      latest.annotations[annotations.restartCount] ?? latest.metadata?.attempt ?? 0,
    ),
    image: latest.image?.image ?? container.image ?? '',
    imageID: latest.imageRef,
    containerID: `${runtimeName}://${latest.id}`,
    started: false,
    ...resourceParts(container, kind),
    ...volumeParts(container, sources),
    ...(user?.linux && {
      user: {
        linux: {
          uid: user.linux.uid ?? 0,
          gid: user.linux.gid ?? 0,
          supplementalGroups: [...(user.linux.supplementalGroups ?? [])],
        },
      },
    }),
  };
}

/** The run before has been removed: what was reported of it stays true. */
function lastStateOf(latest: PodContainerStatus, old: ContainerStatus | undefined): ContainerState {
  if (!old) return {};
  const isSameRun = old.containerID?.endsWith(latest.id) === true;
  if (isSameRun) return old.lastState;
  return old.state.terminated ? { terminated: old.state.terminated } : old.lastState;
}

function withoutRun(
  container: Container,
  kind: ContainerKind,
  { pod, old }: { readonly pod: Pod; readonly old: ContainerStatus | undefined },
): ContainerStatus {
  const hasInit = (pod.spec.initContainers ?? []).length > 0;
  const reason = kind === 'ephemeral' || !hasInit ? 'ContainerCreating' : 'PodInitializing';
  const fresh: ContainerStatus = {
    name: container.name,
    state: { waiting: { reason } },
    lastState: {},
    ready: false,
    restartCount: 0,
    image: container.image ?? '',
    imageID: '',
    started: false,
    ...volumeParts(container, undefined),
  };
  if (!old) return fresh;
  if (old.state.terminated) return { ...old, ready: false, started: false };
  if (old.state.running || old.lastState.terminated) {
    const lost = old.state.running && {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was terminated',
      ...(old.containerID && { containerID: old.containerID }),
    };
    const lastState = lost ? { terminated: lost } : old.lastState;
    const restartCount = old.restartCount + (lost ? 1 : 0);
    return {
      ...fresh,
      lastState,
      restartCount,
      imageID: old.imageID,
      ...(old.containerID && { containerID: old.containerID }),
    };
  }
  return { ...fresh, restartCount: old.restartCount };
}

interface StateContext {
  readonly old: ContainerStatus | undefined;
  readonly sources: StatusSources;
  readonly pod: Pod;
}

function stateOf(status: PodContainerStatus, { old, sources }: StateContext): ContainerState {
  switch (status.state) {
    case containerStates.running:
      return { running: { startedAt: timeOf(status.startedAt) } };
    case containerStates.exited: {
      const message = [sources.messages.get(status.id), status.message].filter(Boolean).join(': ');
      return {
        terminated: {
          exitCode: status.exitCode,
          reason: status.reason,
          ...(message && { message }),
          startedAt: timeOf(status.startedAt),
          finishedAt: timeOf(status.finishedAt),
          containerID: `${sources.runtimeName}://${status.id}`,
        },
      };
    }
    case containerStates.unknown:
      if (old?.state.running)
        return {
          terminated: {
            reason: 'ContainerStatusUnknown',
            message: 'The container could not be located when the pod was terminated',
            exitCode: 137,
          },
        };
      return { waiting: { reason: 'ContainerCreating' } };
    default:
      return { waiting: { reason: 'ContainerCreating' } };
  }
}

interface Waiting {
  readonly latest: PodContainerStatus | undefined;
  readonly status: ContainerStatus;
  readonly kind: ContainerKind;
  readonly sources: StatusSources;
}

/** A container that is to run but could not be started waits, with the reason. */
function waitingStatus(
  container: Container,
  { latest, status, kind, sources }: Waiting,
): ContainerStatus {
  const waiting = sources.waitingFor(container.name);
  if (!waiting || (kind === 'ephemeral' && latest)) return status;
  if (latest?.state === containerStates.running || latest?.state === containerStates.created) {
    if (waiting.reason !== 'PostStartHookError') return status;
  }
  const { terminated } = status.state;
  if (kind === 'init' && isSidecar(container) && terminated?.exitCode === 0) return status;
  if (
    latest?.state === containerStates.exited &&
    !restartsAfter(sources.pod, container, latest.exitCode)
  )
    return status;
  if (status.state.running) return status;
  return {
    ...status,
    state: {
      waiting: { reason: waiting.reason, ...(waiting.message && { message: waiting.message }) },
    },
    lastState: terminated ? { terminated } : status.lastState,
  };
}

function resourceParts(
  container: Container,
  kind: ContainerKind,
): Pick<ContainerStatus, 'resources' | 'allocatedResources'> {
  if (kind === 'ephemeral') return { resources: {} };
  const { requests, limits } = container.resources;
  return {
    ...(requests && { allocatedResources: requests }),
    resources: { ...(limits && { limits }), ...(requests && { requests }) },
  };
}

function volumeParts(
  container: Container,
  _sources: StatusSources | undefined,
): Pick<ContainerStatus, 'volumeMounts'> {
  const mounts = (container.volumeMounts ?? []).map(
    ({ name, mountPath, readOnly }): VolumeMountStatus => ({
      name,
      mountPath,
      ...(readOnly && { readOnly, recursiveReadOnly: 'Disabled' }),
    }),
  );
  return mounts.length > 0 ? { volumeMounts: mounts } : {};
}

/** Seconds are all that the API keeps. */
function timeOf(nanos: bigint): string {
  return `${new Date(Number(nanos / 1_000_000n)).toISOString().slice(0, 19)}Z`;
}
