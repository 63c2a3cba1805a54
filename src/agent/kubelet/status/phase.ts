import type { ContainerStatus, Pod } from '#shared/api/types/core-v1.ts';
import { isSidecar, isStatic } from '../pods/pod-containers.ts';
import { restartsAfter } from '../pods/restart-policy.ts';

export interface PhaseSources {
  readonly pod: Pod;
  readonly init: readonly ContainerStatus[];
  readonly regular: readonly ContainerStatus[];
  /** Nothing of the pod will be started again, whatever its policy says. */
  readonly isTerminal: boolean;
}

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** Upstream's getPhase: one word for all containers of a pod. */
export function podPhase({ pod, init, regular, isTerminal }: PhaseSources): Phase {
  const { restartPolicy = 'Always' } = pod.spec;
  const counts = countRegular(pod, regular);
  const initState = initProgress(pod, init);
  if (initState === 'failed' && counts.started === 0) return 'Failed';
  const isPending = initState === 'pending' && counts.started === 0 && !isTerminal;
  if (isPending || (counts.waiting > 0 && !isTerminal)) return 'Pending';
  if (counts.running > 0) return 'Running';
  if (counts.stopped === 0) return isTerminal ? 'Failed' : 'Pending';
  if (isTerminal && !isStatic(pod))
    return counts.succeeded === counts.stopped && counts.waiting === 0 ? 'Succeeded' : 'Failed';
  if (counts.restarting > 0) return 'Running';
  if (restartPolicy === 'Always' && counts.final < counts.stopped) return 'Running';
  if (counts.stopped === counts.succeeded) return 'Succeeded';
  return counts.final === counts.stopped ? 'Failed' : 'Running';
}

function countRegular(pod: Pod, regular: readonly ContainerStatus[]) {
  const counts = {
    running: 0,
    waiting: 0,
    stopped: 0,
    succeeded: 0,
    started: 0,
    final: 0,
    restarting: 0,
  };
  for (const container of pod.spec.containers) {
    const status = regular.find(({ name }) => name === container.name);
    const { running, terminated } = status?.state ?? {};
    const last = status?.lastState.terminated;
    if (running) counts.running++;
    else if (terminated) {
      counts.stopped++;
      if (terminated.exitCode === 0) counts.succeeded++;
      if (!restartsAfter(pod, container, terminated.exitCode)) counts.final++;
    } else if (last) {
      counts.stopped++;
      counts.restarting++;
    } else counts.waiting++;
    if (running || terminated || last) counts.started++;
  }
  return counts;
}

function initProgress(pod: Pod, init: readonly ContainerStatus[]): 'done' | 'pending' | 'failed' {
  let isPending = false;
  for (const container of pod.spec.initContainers ?? []) {
    const status = init.find(({ name }) => name === container.name);
    if (isSidecar(container)) {
      if (status?.started !== true) isPending = true;
      continue;
    }
    const { terminated } = status?.state ?? {};
    const hasFailed = terminated !== undefined && terminated.exitCode !== 0;
    if (hasFailed && !restartsAfter(pod, container, terminated.exitCode)) return 'failed';
    if (!terminated || hasFailed) isPending = true;
  }
  return isPending ? 'pending' : 'done';
}
