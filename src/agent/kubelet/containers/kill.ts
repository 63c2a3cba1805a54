import { containerStates } from '#agent/container-runtime/enums.ts';
import { RuntimeError } from '#agent/container-runtime/runtime-error.ts';
import type { RuntimeContainerStatus } from '#agent/container-runtime/types.ts';
import { sleep } from '#shared/base/clock.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { KubeletContext } from '../context.ts';
import { fieldPathOf, findContainer, isSidecar } from '../pods/pod-containers.ts';
import { containerNameOf, podIpsOf, type RuntimePod } from '../runtime-state.ts';
import { runHook } from './hooks.ts';

export interface KillReason {
  /** `Stopping container c` unless stated. */
  readonly message?: string | undefined;
  /** Of a failed probe, which may have a grace period of its own. */
  readonly probe?: 'liveness' | 'startup' | undefined;
  /** Instead of what the pod says. */
  readonly graceSeconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A container that is killed outright would look as if it had crashed. */
const minimumSeconds = 2;

/** Stops one container as its pod wants it to be: hook first, then the signal, then the end of patience. */
export async function killContainer(
  context: KubeletContext,
  { pod, status, runtimePod }: { pod: Pod; status: RuntimeContainerStatus; runtimePod: RuntimePod },
  reason: KillReason & { readonly after?: Promise<unknown> } = {},
): Promise<void> {
  const name = containerNameOf(status);
  const placed = findContainer(pod, name);
  const { runtime, recorder, clock } = context;
  const { signal } = reason;
  const startedAt = clock.elapsed();
  let seconds = graceSecondsOf(pod, name, reason);
  const fieldPath = fieldPathOf(placed?.kind ?? 'regular', name);
  recorder.record(
    { ...pod, fieldPath },
    'Normal',
    'Killing',
    reason.message ?? `Stopping container ${name}`,
  );
  const preStop = placed?.container.lifecycle?.preStop;
  if (preStop && seconds > 0 && status.state === containerStates.running) {
    const [podIp = ''] = podIpsOf(runtimePod);
    const target = { container: placed.container, containerId: status.id, podIp };
    const outcome = await within(context, seconds * 1000, signal, (bounded) =>
      runHook(preStop, target, context, bounded),
    );
    if (outcome)
      recorder.record({ ...pod, fieldPath }, 'Warning', 'FailedPreStopHook', `PreStopHook failed`);
  }
  if (reason.after) {
    const elapsed = (clock.elapsed() - startedAt) / 1000;
    await within(context, Math.max(0, seconds - elapsed) * 1000, signal, () => reason.after!);
  }
  seconds -= Math.trunc((clock.elapsed() - startedAt) / 1000);
  const timeout = Math.max(minimumSeconds, seconds);
  try {
    const options = { timeoutMs: (timeout + 120) * 1000, ...(signal && { signal }) };
    await runtime.stopContainer({ containerId: status.id, timeout }, options);
  } catch (error) {
    if (!RuntimeError.is(error, 'NotFound')) throw error;
  }
}

function graceSecondsOf(pod: Pod, name: string, { probe, graceSeconds }: KillReason): number {
  const { deletionGracePeriodSeconds } = pod.metadata;
  if (graceSeconds !== undefined) return graceSeconds;
  if (deletionGracePeriodSeconds !== undefined) return deletionGracePeriodSeconds;
  const container = findContainer(pod, name)?.container;
  const ofProbe = probe && container?.[`${probe}Probe`]?.terminationGracePeriodSeconds;
  return ofProbe ?? pod.spec.terminationGracePeriodSeconds ?? 30;
}

/** Waits for the work as long as there is time; returns what it failed with, if it did. */
async function within(
  { clock }: KubeletContext,
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<Error | undefined> {
  const stop = new AbortController();
  const bounded = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  try {
    const late = sleep(clock, ms, bounded).then(() => new Error('took longer than it may'));
    const done = work(bounded).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    return await Promise.race([done, late]);
  } catch (error) {
    if (signal?.aborted) throw error;
    return error as Error;
  } finally {
    stop.abort();
  }
}

/**
 * Stops all containers of a pod at once, but for sidecars: those end one by one, the last first, each
 * after all that it may serve, with what is then left of the grace period.
 */
export async function killPodContainers(
  context: KubeletContext,
  pod: Pod,
  runtimePod: RuntimePod,
  reason: KillReason = {},
): Promise<void> {
  const isAlive = ({ state }: RuntimeContainerStatus): boolean =>
    state === containerStates.running || state === containerStates.unknown;
  const alive = runtimePod.containers.filter(isAlive);
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
  const isSidecarStatus = (one: RuntimeContainerStatus): boolean =>
    sidecars.includes(containerNameOf(one));
  const kill = (status: RuntimeContainerStatus, after?: Promise<unknown>): Promise<void> =>
    killContainer(context, { pod, status, runtimePod }, { ...reason, ...(after && { after }) });
  const kills = alive.filter((one) => !isSidecarStatus(one)).map((one) => kill(one));
  let before: Promise<unknown> = Promise.allSettled(kills);
  for (const name of sidecars.toReversed()) {
    const status = alive.find((one) => containerNameOf(one) === name);
    if (!status) continue;
    const end = kill(status, before);
    kills.push(end);
    before = Promise.allSettled([before, end]);
  }
  await Promise.all(kills);
}
