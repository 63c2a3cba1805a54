import { createHash } from 'node:crypto';
import type { Container, ContainerStatus, Pod } from '#shared/api/types/core-v1.ts';

/** The states that a simulated container goes through, as a kubelet reports them. */
export type Target =
  | { readonly type: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly type: 'running'; readonly isReady: boolean }
  | { readonly type: 'terminated'; readonly exitCode: number };

export interface Moment {
  readonly pod: Pod;
  /** RFC 3339, whole seconds. */
  readonly time: string;
}

/** The status of a container that has come to its next state; the same object where nothing changes. */
export function containerStatus(
  container: Container,
  before: ContainerStatus | undefined,
  target: Target,
  { pod, time }: Moment,
): ContainerStatus {
  const base = before ?? firstStatus(container);
  if (target.type === 'waiting') return waiting(base, target);
  if (target.type === 'terminated') return terminated(base, target.exitCode, time);
  return running(base, target.isReady, { container, pod, time });
}

function firstStatus(container: Container): ContainerStatus {
  const volumeMounts = (container.volumeMounts ?? []).map(({ name, mountPath, readOnly }) => ({
    name,
    mountPath,
    ...(readOnly && { readOnly, recursiveReadOnly: 'Disabled' }),
  }));
  return {
    name: container.name,
    state: {},
    lastState: {},
    ready: false,
    restartCount: 0,
    image: container.image ?? '',
    imageID: '',
    started: false,
    ...(volumeMounts.length > 0 && { volumeMounts }),
  };
}

/** What ended before is remembered as the last state. */
function waiting(
  base: ContainerStatus,
  { reason, message }: { readonly reason: string; readonly message?: string },
): ContainerStatus {
  if (base.state.waiting?.reason === reason) return base;
  const { state, lastState } = base;
  return {
    ...base,
    state: { waiting: { reason, ...(message && { message }) } },
    lastState: state.terminated ? { terminated: state.terminated } : lastState,
    ready: false,
    started: false,
  };
}

function running(
  base: ContainerStatus,
  ready: boolean,
  { container, pod, time }: Moment & { readonly container: Container },
): ContainerStatus {
  if (base.state.running) return base.ready === ready ? base : { ...base, ready };
  const ended = base.state.terminated ?? base.lastState.terminated;
  const restartCount = ended ? base.restartCount + 1 : 0;
  return {
    ...base,
    state: { running: { startedAt: time } },
    lastState: ended ? { terminated: ended } : {},
    ready,
    restartCount,
    imageID: `simulated://sha256:${digest(container.image ?? '')}`,
    containerID: `simulated://${digest(`${pod.metadata.uid} ${container.name} ${restartCount}`)}`,
    started: true,
    resources: container.resources,
  };
}

function terminated(base: ContainerStatus, exitCode: number, time: string): ContainerStatus {
  if (base.state.terminated) return base;
  const { containerID } = base;
  const startedAt = base.state.running?.startedAt ?? time;
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  const end = { exitCode, reason, startedAt, finishedAt: time };
  return {
    ...base,
    state: { terminated: { ...end, ...(containerID && { containerID }) } },
    ready: false,
    started: false,
  };
}

const digests = new Map<string, string>();
const rememberedDigests = 1000;

/** 64 hex digits; those of images are asked for again and again. */
function digest(text: string): string {
  const known = digests.get(text);
  if (known) return known;
  if (digests.size >= rememberedDigests) digests.clear();
  const made = createHash('sha256').update(text).digest('hex');
  digests.set(text, made);
  return made;
}
