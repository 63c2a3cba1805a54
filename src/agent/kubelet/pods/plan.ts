import { containerStates } from '#agent/container-runtime/enums.ts';
import type { Container, Pod } from '#shared/api/types/core-v1.ts';
import { annotations, hashOf } from '../containers/labels.ts';
import type { ProbeResults } from '../probes/results.ts';
import {
  containerNameOf,
  isReady,
  podIpsOf,
  type PodContainerStatus,
  type RuntimePod,
} from '../runtime-state.ts';
import { ephemeralContainers, isSidecar, type ContainerKind } from './pod-containers.ts';
import { restartsAfter } from './restart-policy.ts';

export interface PlannedKill {
  readonly status: PodContainerStatus;
  readonly message: string;
  readonly probe?: 'liveness' | 'startup';
}

export interface PlannedStart {
  readonly container: Container;
  readonly kind: ContainerKind;
}

/** What has to be done so that a pod is as it should be. */
export interface PodPlan {
  /** Nothing more is to run: everything is stopped. */
  readonly stopPod: boolean;
  /** The sandbox is to be made anew, all of the old one's containers being stopped first. */
  readonly newSandbox: boolean;
  readonly attempt: number;
  readonly sandboxId: string | undefined;
  readonly kill: readonly PlannedKill[];
  readonly start: readonly PlannedStart[];
}

/** The newest run of a container, if the runtime still knows one. */
export function latestOf(
  runtimePod: RuntimePod | undefined,
  name: string,
): PodContainerStatus | undefined {
  return runtimePod?.containers.find((one) => containerNameOf(one) === name);
}

export function planPod(
  pod: Pod,
  runtimePod: RuntimePod | undefined,
  probes: ProbeResults,
): PodPlan {
  const [sandbox] = runtimePod?.sandboxes ?? [];
  const isUsable =
    sandbox !== undefined &&
    isReady(sandbox) &&
    runtimePod!.sandboxes.filter(isReady).length === 1 &&
    hasNetwork(pod, runtimePod);
  const attempt = sandbox === undefined ? 0 : (sandbox.metadata?.attempt ?? 0) + (isUsable ? 0 : 1);
  if (!isUsable) return planNewSandbox(pod, runtimePod, attempt);
  return planWithin(pod, runtimePod!, { attempt, sandboxId: sandbox.id, probes });
}

function hasNetwork(pod: Pod, runtimePod: RuntimePod | undefined): boolean {
  return pod.spec.hostNetwork === true || podIpsOf(runtimePod).length > 0;
}

const nothing = { kill: [], start: [], sandboxId: undefined } as const;

function planNewSandbox(pod: Pod, runtimePod: RuntimePod | undefined, attempt: number): PodPlan {
  const hasRun = (runtimePod?.containers.length ?? 0) > 0;
  const restarts = pod.spec.containers.filter((container) => isDue(pod, container, runtimePod));
  const isOver = restarts.length === 0 || (hasRun && attempt > 0 && isNeverRestarted(pod));
  if (isOver) return { ...nothing, stopPod: true, newSandbox: false, attempt };
  const [first] = pod.spec.initContainers ?? [];
  const start: PlannedStart[] = first
    ? [{ container: first, kind: 'init' }]
    : restarts.map((container) => ({ container, kind: 'regular' }));
  return { ...nothing, stopPod: false, newSandbox: true, attempt, start };
}

function isNeverRestarted(pod: Pod): boolean {
  return pod.spec.containers.every((one) => !restartsAfter(pod, one, 1));
}

/** Whether the container has not run yet, or is to run again. */
function isDue(pod: Pod, container: Container, runtimePod: RuntimePod | undefined): boolean {
  const latest = latestOf(runtimePod, container.name);
  if (!latest || latest.state === containerStates.running) return true;
  if (latest.state !== containerStates.exited) return true;
  return restartsAfter(pod, container, latest.exitCode);
}

interface Within {
  readonly attempt: number;
  readonly sandboxId: string;
  readonly probes: ProbeResults;
}

interface Draft {
  readonly kill: PlannedKill[];
  readonly start: PlannedStart[];
  /** Containers that run and stay, or will be started again. */
  kept: number;
}

function planWithin(pod: Pod, runtimePod: RuntimePod, { probes, ...base }: Within): PodPlan {
  const draft: Draft = { kill: [], start: [], kept: 0 };
  const inSandbox = runtimePod.containers.filter(({ sandboxId }) => sandboxId === base.sandboxId);
  const own: RuntimePod = { ...runtimePod, containers: inSandbox };
  for (const container of ephemeralContainers(pod))
    if (!latestOf(own, container.name)) draft.start.push({ container, kind: 'ephemeral' });
  const outcome = planInit(pod, own, { draft, probes });
  const whole = { ...base, newSandbox: false, kill: draft.kill, start: draft.start };
  if (outcome === 'failed') return { ...whole, start: [], stopPod: true };
  if (outcome === 'waiting') return { ...whole, stopPod: false };
  for (const container of pod.spec.containers)
    planRegular(pod, container, { own: runtimePod, draft, probes });
  const isOver = draft.kept === 0 && draft.start.every(({ kind }) => kind === 'init');
  return isOver ? { ...whole, start: [], kill: [], stopPod: true } : { ...whole, stopPod: false };
}

interface Part {
  readonly own: RuntimePod;
  readonly draft: Draft;
  readonly probes: ProbeResults;
}

function planRegular(pod: Pod, container: Container, { own, draft, probes }: Part): void {
  const latest = latestOf(own, container.name);
  if (!latest || latest.state !== containerStates.running) {
    if (!isDue(pod, container, own)) return;
    if (latest?.state === containerStates.unknown)
      draft.kill.push({ status: latest, message: unknownMessage(container) });
    draft.start.push({ container, kind: 'regular' });
    draft.kept++;
    return;
  }
  const failed = failureOf(container, latest, probes);
  if (!failed) {
    draft.kept++;
    return;
  }
  const restarts = failed.isChange || restartsAfter(pod, container, 137);
  const message = restarts ? `${failed.message}, will be restarted` : failed.message;
  draft.kill.push({ status: latest, message, ...(failed.probe && { probe: failed.probe }) });
  if (!restarts) return;
  draft.start.push({ container, kind: 'regular' });
  draft.kept++;
}

interface Failure {
  readonly message: string;
  readonly isChange: boolean;
  readonly probe?: 'liveness' | 'startup';
}

/** Why a container that runs must not go on. */
function failureOf(
  container: Container,
  status: PodContainerStatus,
  probes: ProbeResults,
): Failure | undefined {
  const { name } = container;
  if (status.annotations[annotations.hash] !== hashOf(container))
    return { message: `Container ${name} definition changed`, isChange: true };
  if (container.livenessProbe && probes.of('liveness', status.id) === 'failure')
    return {
      message: `Container ${name} failed liveness probe`,
      isChange: false,
      probe: 'liveness',
    };
  if (container.startupProbe && probes.of('startup', status.id) === 'failure')
    return { message: `Container ${name} failed startup probe`, isChange: false, probe: 'startup' };
  return undefined;
}

function unknownMessage({ name }: Container): string {
  return `Container is in unknown state, try killing it before restart: ${name}`;
}

/**
 * Init containers run one after the other, each to its end; sidecars among them have to have started
 * before the next one. Once a container proper has run, only the sidecars are looked after.
 */
function planInit(
  pod: Pod,
  own: RuntimePod,
  { draft, probes }: Omit<Part, 'own'>,
): 'done' | 'waiting' | 'failed' {
  const isInitialized = pod.spec.containers.some(({ name }) => latestOf(own, name));
  for (const container of pod.spec.initContainers ?? []) {
    if (isSidecar(container)) {
      const isUp = planSidecar(container, { own, draft, probes });
      if (!isUp && !isInitialized) return 'waiting';
      continue;
    }
    if (isInitialized) continue;
    const latest = latestOf(own, container.name);
    if (latest?.state === containerStates.running) return 'waiting';
    if (latest?.state === containerStates.exited) {
      if (latest.exitCode === 0) continue;
      if (!restartsAfter(pod, container, latest.exitCode)) return 'failed';
    }
    if (latest?.state === containerStates.unknown)
      draft.kill.push({ status: latest, message: unknownMessage(container) });
    draft.start.push({ container, kind: 'init' });
    return 'waiting';
  }
  return 'done';
}

/** Whether the sidecar has started, so that the next container may. */
function planSidecar(container: Container, { own, draft, probes }: Part): boolean {
  const latest = latestOf(own, container.name);
  if (latest?.state !== containerStates.running) {
    if (latest?.state === containerStates.unknown)
      draft.kill.push({ status: latest, message: unknownMessage(container) });
    draft.start.push({ container, kind: 'init' });
    return false;
  }
  const failed = failureOf(container, latest, probes);
  if (failed) {
    const message = `${failed.message}, will be restarted`;
    draft.kill.push({ status: latest, message, ...(failed.probe && { probe: failed.probe }) });
    draft.start.push({ container, kind: 'init' });
    return false;
  }
  return !container.startupProbe || probes.of('startup', latest.id) === 'success';
}
