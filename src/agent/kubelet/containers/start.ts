import { join } from 'node:path';
import { containerStates } from '#agent/container-runtime/enums.ts';
import type { PodSandboxConfig } from '#agent/container-runtime/types.ts';
import type { PodVolumes } from '#agent/volumes/index.ts';
import type { Container, Pod, Secret } from '#shared/api/types/core-v1.ts';
import type { Backoff } from '../backoff.ts';
import type { KubeletContext } from '../context.ts';
import { imageVolumes } from '../images/image-volumes.ts';
import type { ImagePuller } from '../images/puller.ts';
import type { PlannedStart } from '../pods/plan.ts';
import { latestOf } from '../pods/plan.ts';
import { fieldPathOf, isSidecar } from '../pods/pod-containers.ts';
import { podIpsOf, type PodContainerStatus, type RuntimePod } from '../runtime-state.ts';
import { containerConfig, type ContainerSources } from './container-config.ts';
import { ContainerError } from './container-error.ts';
import type { Capacity } from './downward.ts';
import { runHook } from './hooks.ts';
import { killContainer } from './kill.ts';
import { annotations } from './labels.ts';
import { linkLog, logLinkName } from './links.ts';

export interface StartParts {
  readonly context: KubeletContext;
  readonly volumes: PodVolumes;
  readonly puller: ImagePuller;
  readonly backoff: Backoff;
  readonly allocatable: () => Capacity;
  /** The runtime shows images as volumes by itself. */
  readonly canMountImages: () => boolean;
}

export interface StartTarget {
  readonly pod: Pod;
  readonly runtimePod: RuntimePod;
  readonly sandboxId: string;
  readonly sandboxConfig: PodSandboxConfig;
  readonly hostsFile: string | undefined;
  readonly secrets: readonly Secret[];
  readonly signal: AbortSignal;
  /** The container exists from here on: the next look at the runtime will show it. */
  readonly created: (containerId: string, container: Container) => void;
}

/** A container may not be started again yet. */
export class CrashLoopError extends ContainerError {
  readonly remainingMs: number;

  constructor(message: string, remainingMs: number) {
    super('CrashLoopBackOff', message);
    this.remainingMs = remainingMs;
  }
}

/** Pulls, creates and starts one container, then runs its hook. Throws a `ContainerError` if it cannot. */
export async function startContainer(
  start: PlannedStart,
  target: StartTarget,
  parts: StartParts,
): Promise<void> {
  const { container, kind } = start;
  const { pod, signal } = target;
  const tell = teller(start, target, parts);
  const latest = latestOf(target.runtimePod, container.name);
  holdBack(start, { latest, target, parts, tell });
  const image = await pull(start, { target, parts, tell });
  const volumeImages = await imageVolumes(container, target, parts);
  signal.throwIfAborted();
  const restartCount = latest ? runsOf(latest) + 1 : 0;
  const id = await create(start, { target, parts, tell, image, volumeImages, restartCount });
  target.created(id, container);
  tell('Normal', 'Created', 'Container created');
  try {
    await parts.context.runtime.startContainer({ containerId: id });
  } catch (error) {
    const { message } = error as Error;
    tell('Warning', 'Failed', `Error: ${message}`);
    throw new ContainerError('RunContainerError', message, { cause: error });
  }
  tell('Normal', 'Started', 'Container started');
  const logPath = join(
    target.sandboxConfig.logDirectory ?? '',
    container.name,
    `${restartCount}.log`,
  );
  await linkLog(logLinkName(pod.metadata, container.name, id), logPath);
  const postStart = container.lifecycle?.postStart;
  if (postStart && kind !== 'ephemeral') await afterStart(start, { target, parts, tell, id });
}

type Tell = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

function teller(
  { container, kind }: PlannedStart,
  { pod }: StartTarget,
  { context }: StartParts,
): Tell {
  const fieldPath = fieldPathOf(kind, container.name);
  return (type, reason, message) =>
    context.recorder.record({ ...pod, fieldPath }, type, reason, message);
}

interface Step {
  readonly target: StartTarget;
  readonly parts: StartParts;
  readonly tell: Tell;
}

function runsOf(status: PodContainerStatus): number {
  return Number(status.annotations[annotations.restartCount] ?? status.metadata?.attempt ?? 0);
}

/** After a failure the container waits, longer each time; a long run makes up for it. */
function holdBack(
  { container, kind }: PlannedStart,
  { latest, target, parts, tell }: Step & { readonly latest: PodContainerStatus | undefined },
): void {
  if (latest?.state !== containerStates.exited || kind === 'ephemeral') return;
  const { pod } = target;
  const key = `${pod.metadata.uid}/${container.name}/${container.image}`;
  const since = Number(latest.finishedAt / 1_000_000n);
  const remaining = parts.backoff.remaining(key, since);
  if (remaining > 0) {
    const { name, namespace, uid } = pod.metadata;
    const what = `${container.name} in pod ${name}_${namespace}(${uid})`;
    tell('Warning', 'BackOff', `Back-off restarting failed container ${what}`);
    const delay = parts.backoff.delayOf(key) / 1000;
    throw new CrashLoopError(
      `back-off ${formatSeconds(delay)} restarting failed container=${container.name} pod=${name}_${namespace}(${uid})`,
      remaining,
    );
  }
  parts.backoff.next(key, since);
}

function formatSeconds(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}

async function pull({ container, kind }: PlannedStart, { target, parts, tell }: Step) {
  const { pod, secrets, sandboxConfig, signal } = target;
  const { image: named = '', imagePullPolicy: policy = 'IfNotPresent' } = container;
  const fieldPath = fieldPathOf(kind, container.name);
  try {
    return await parts.puller.ensure({
      pod,
      named,
      policy,
      fieldPath,
      secrets,
      sandboxConfig,
      signal,
    });
  } catch (error) {
    if (error instanceof ContainerError) tell('Warning', 'Failed', `Error: ${error.reason}`);
    throw error;
  }
}

async function create(
  { container, kind }: PlannedStart,
  {
    target,
    parts,
    tell,
    image,
    volumeImages,
    restartCount,
  }: Step & Pick<ContainerSources, 'image' | 'volumeImages' | 'restartCount'>,
): Promise<string> {
  const { context, volumes } = parts;
  const { pod, runtimePod, sandboxConfig, sandboxId, hostsFile } = target;
  const { hostNetwork } = pod.spec;
  const hostIps = context.settings.nodeAddresses;
  const fail = (reason: string, error: unknown): never => {
    const { message } = error as Error;
    tell('Warning', 'Failed', `Error: ${message}`);
    throw new ContainerError(reason, message, { cause: error });
  };
  const targetName =
    kind === 'ephemeral'
      ? pod.spec.ephemeralContainers?.find(({ name }) => name === container.name)
          ?.targetContainerName
      : undefined;
  const config = await containerConfig(pod, container, {
    context,
    volumes,
    image,
    volumeImages,
    restartCount,
    hostsFile,
    addresses: { podIps: hostNetwork ? hostIps : podIpsOf(runtimePod), hostIps },
    allocatable: parts.allocatable(),
    targetId: targetName && latestOf(runtimePod, targetName)?.id,
  }).catch((error: unknown) => fail('CreateContainerConfigError', error));
  const created = await context.runtime
    .createContainer({ podSandboxId: sandboxId, config, sandboxConfig })
    .catch((error: unknown) => fail('CreateContainerError', error));
  return created.containerId;
}

async function afterStart(
  { container, kind }: PlannedStart,
  { target, parts, tell, id }: Step & { readonly id: string },
): Promise<void> {
  const { context } = parts;
  const { pod, runtimePod } = target;
  const [podIp = ''] = podIpsOf(runtimePod);
  const postStart = container.lifecycle?.postStart;
  if (!postStart) return;
  try {
    await runHook(postStart, { container, containerId: id, podIp }, context, target.signal);
  } catch (error) {
    if (target.signal.aborted) throw error;
    tell('Warning', 'FailedPostStartHook', 'PostStartHook failed');
    const { status } = await context.runtime.containerStatus({ containerId: id });
    if (status) {
      const running = { ...status, sandboxId: target.sandboxId };
      const message = isSidecar(container) && kind === 'init' ? undefined : 'FailedPostStartHook';
      await killContainer(
        context,
        { pod, status: running, runtimePod },
        { message, signal: target.signal },
      );
    }
    throw new ContainerError('PostStartHookError', (error as Error).message, { cause: error });
  }
}
