import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodVolumes, VolumeFailure, VolumeSetUp } from '#agent/volumes/index.ts';
import type { Container } from '#shared/api/types/core-v1.ts';
import type { PodCgroups } from '../cgroups.ts';
import { ContainerError } from '../containers/container-error.ts';
import { killContainer, killPodContainers } from '../containers/kill.ts';
import { CrashLoopError, startContainer, type StartParts } from '../containers/start.ts';
import type { KubeletContext } from '../context.ts';
import { pullSecrets } from '../images/credentials.ts';
import type { Prober } from '../probes/prober.ts';
import { podIpsOf, type RuntimePod, type RuntimeState } from '../runtime-state.ts';
import { planPod, type PodPlan, type PlannedStart } from './plan.ts';
import { amountsOf, resizeContainers } from './resize.ts';
import { stopSandboxes } from './stop.ts';
import type { PodRecord } from './record.ts';
import { configOf, runSandbox, writeHostsFile, type SandboxParts } from './sandbox.ts';

export interface SyncParts {
  readonly context: KubeletContext;
  readonly state: RuntimeState;
  readonly volumes: PodVolumes;
  readonly cgroups: PodCgroups;
  readonly prober: Prober;
  readonly start: StartParts;
}

export interface SyncOutcome {
  /** The runtime has been changed: it is to be looked at again at once. */
  readonly changed: boolean;
  /** Something failed: try again in a while. */
  readonly failed: boolean;
  /** A container may be started again after this. */
  readonly backoffMs: number | undefined;
  /** Something failed for the first time that people should see at once. */
  readonly tell: boolean;
}

/** Brings one pod closer to what it should be: upstream's syncPod. */
export async function syncPod(record: PodRecord, parts: SyncParts): Promise<SyncOutcome> {
  const { pod, uid } = record;
  const { context, volumes, cgroups } = parts;
  await makeFolders(volumes.podFolder(uid));
  context.objects.retain(pod);
  const mounting = volumes.setUp(pod);
  try {
    const [missing] = await Promise.all([mounting.found, cgroups.apply(pod)]);
    return await syncContainers(record, parts, { mounting, isComplete: missing.length === 0 });
  } finally {
    await mounting.done;
  }
}

interface Mounting {
  readonly mounting: VolumeSetUp;
  /** Nothing has to come from elsewhere any more. */
  readonly isComplete: boolean;
}

async function syncContainers(
  record: PodRecord,
  parts: SyncParts,
  { mounting, isComplete }: Mounting,
): Promise<SyncOutcome> {
  const { pod, uid } = record;
  const { context, state, prober } = parts;
  const isFirst = state.pod(uid) === undefined;
  // The first sandbox is made while the volumes are, where that cannot be in vain.
  if (!isFirst || !isComplete) {
    const backoffMs = tellFailures(record, await mounting.done, context);
    if (backoffMs !== undefined) return { changed: false, failed: true, backoffMs, tell: false };
  }
  prober.add(pod);
  const { secrets, missing } = await pullSecrets(pod, context.objects);
  if (missing.length > 0) {
    const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
    context.recorder.record(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
  }
  if (await resizeContainers(record, state.pod(uid), context)) await state.refresh(uid);
  const runtimePod = state.pod(uid);
  const plan = planPod(pod, runtimePod, prober);
  if (plan.stopPod || plan.newSandbox) {
    if (runtimePod) await stopAll(record, runtimePod, parts);
    const changed = runtimePod !== undefined;
    if (plan.stopPod) return { changed, failed: false, backoffMs: undefined, tell: false };
  } else await killPlanned(record, plan, parts);
  record.interrupt.signal.throwIfAborted();
  return await startPlanned(record, plan, { parts, secrets, mounting });
}

async function makeFolders(folder: string): Promise<void> {
  const mode = 0o750;
  const make = (part: string) => mkdir(join(folder, part), { recursive: true, mode });
  await Promise.all(['volumes', 'plugins'].map(make));
  await chmod(folder, mode);
}

const mountRetryMs = 500;
const maxMountRetryMs = 122_000;

/** Returns after how long to try again, if something cannot be mounted yet. */
function tellFailures(
  record: PodRecord,
  failures: readonly VolumeFailure[],
  { recorder }: KubeletContext,
): number | undefined {
  if (failures.length === 0) {
    record.mountFailures = 0;
    return undefined;
  }
  for (const { volume, error } of failures) {
    const message = `MountVolume.SetUp failed for volume "${volume}" : ${error.message}`;
    recorder.record(record.pod, 'Warning', 'FailedMount', message);
  }
  return Math.min(mountRetryMs * 2 ** record.mountFailures++, maxMountRetryMs);
}

async function stopAll(
  record: PodRecord,
  runtimePod: RuntimePod,
  { context, state }: SyncParts,
): Promise<void> {
  const { signal } = record.interrupt;
  await killPodContainers(context, record.pod, runtimePod, { signal });
  await stopSandboxes(context, runtimePod);
  await state.refresh(record.uid);
}

async function killPlanned(
  record: PodRecord,
  { kill }: PodPlan,
  { context, state }: SyncParts,
): Promise<void> {
  const runtimePod = state.pod(record.uid);
  if (!runtimePod || kill.length === 0) return;
  const { signal } = record.interrupt;
  await Promise.all(
    kill.map(({ status, message, probe }) => {
      return killContainer(
        context,
        { pod: record.pod, status, runtimePod },
        { message, probe, signal },
      );
    }),
  );
  await state.refresh(record.uid);
}

interface StartContext {
  readonly parts: SyncParts;
  readonly secrets: Awaited<ReturnType<typeof pullSecrets>>['secrets'];
  readonly mounting: VolumeSetUp;
}

async function startPlanned(
  record: PodRecord,
  plan: PodPlan,
  { parts, secrets, mounting }: StartContext,
): Promise<SyncOutcome> {
  const { pod, uid } = record;
  const { context, state } = parts;
  const sandboxParts: SandboxParts = { ...parts, seen: record.seen };
  const outcome = {
    changed: plan.kill.length > 0,
    failed: false,
    backoffMs: undefined as number | undefined,
    tell: false,
  };
  if (plan.start.length === 0) return outcome;
  let sandboxId = plan.sandboxId;
  if (plan.newSandbox || sandboxId === undefined) {
    try {
      sandboxId = await runSandbox(pod, plan.attempt, sandboxParts);
    } catch (error) {
      if (!(error instanceof ContainerError)) throw error;
      return { ...outcome, failed: true };
    }
    outcome.changed = true;
    await state.refresh(uid);
    await context.network?.podStarted({ pod, addresses: podIpsOf(state.pod(uid)) });
  }
  const backoffMs = tellFailures(record, await mounting.done, context);
  if (backoffMs !== undefined) return { ...outcome, failed: true, backoffMs };
  const runtimePod = state.pod(uid);
  if (!runtimePod) return { ...outcome, failed: true };
  const hostsFile = await writeHostsFile(pod, runtimePod, sandboxParts);
  const sandboxConfig = await configOf(pod, plan.attempt, sandboxParts);
  const target = {
    pod,
    runtimePod,
    sandboxId,
    sandboxConfig,
    hostsFile,
    secrets,
    signal: record.interrupt.signal,
    created: (containerId: string, container: Container) => {
      outcome.changed = true;
      record.resources.set(containerId, amountsOf(container));
    },
  };
  for (const one of plan.start) await startOne(one, { record, target, parts, outcome });
  if (outcome.changed) await state.refresh(uid);
  return outcome;
}

interface One {
  readonly record: PodRecord;
  readonly target: Parameters<typeof startContainer>[1];
  readonly parts: SyncParts;
  readonly outcome: { failed: boolean; backoffMs: number | undefined; tell: boolean };
}

async function startOne(
  start: PlannedStart,
  { record, target, parts, outcome }: One,
): Promise<void> {
  const { name } = start.container;
  try {
    await startContainer(start, target, parts.start);
    record.reasons.delete(name);
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
    record.reasons.set(name, { reason: error.reason, message: error.message });
    if (error instanceof CrashLoopError) {
      const isFirst =
        start.kind === 'regular' &&
        restartsOf(target.runtimePod, name) === 1 &&
        !record.firstBackoffs.has(name);
      record.firstBackoffs.add(name);
      const ms = isFirst ? Math.min(error.remainingMs, 1000) : error.remainingMs;
      outcome.backoffMs = Math.min(outcome.backoffMs ?? Infinity, ms);
    } else {
      outcome.failed = true;
      if (error.reason !== 'ImagePullBackOff') outcome.tell = true;
    }
  }
}

function restartsOf(runtimePod: RuntimePod, name: string): number {
  const latest = runtimePod.containers.find((one) => one.metadata?.name === name);
  return latest?.metadata?.attempt ?? 0;
}
