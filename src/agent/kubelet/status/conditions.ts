import type { ContainerStatus, Pod, PodCondition, PodStatus } from '#shared/api/types/core-v1.ts';
import { isSidecar } from '../pods/pod-containers.ts';

type Verdict = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;

export interface ConditionSources {
  readonly pod: Pod;
  readonly phase: string;
  readonly init: readonly ContainerStatus[];
  readonly regular: readonly ContainerStatus[];
  /** Has a sandbox with network. */
  readonly hasSandbox: boolean;
  /** As last reported, those of others included. */
  readonly previous: PodStatus;
  readonly now: string;
}

/** Of the condition `DisruptionTarget`, where the kubelet ends the pod. */
export const disruptionReason = 'TerminationByKubelet';

const own: ReadonlySet<string> = new Set([
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
]);

/** Those conditions that others keep, then the kubelet's own in upstream's order. */
export function podConditions(sources: ConditionSources): PodCondition[] {
  const { pod, previous, now, hasSandbox } = sources;
  const containersReady = containersReadyVerdict(sources);
  const verdicts: Verdict[] = [
    { type: 'PodReadyToStartContainers', status: hasSandbox ? 'True' : 'False' },
    initializedVerdict(sources),
    readyVerdict(sources, containersReady),
    containersReady,
    { type: 'PodScheduled', status: 'True' },
  ];
  const before = previous.conditions ?? [];
  const { generation } = pod.metadata;
  const made = verdicts.map((verdict): PodCondition => {
    const old = before.find(({ type }) => type === verdict.type);
    const isSame = old?.status === verdict.status && old.lastTransitionTime !== undefined;
    return {
      ...verdict,
      ...(generation !== undefined && { observedGeneration: generation }),
      lastTransitionTime: isSame ? old.lastTransitionTime : now,
    };
  });
  return [...before.filter(({ type }) => !own.has(type)), ...made];
}

/** Others keep conditions of other types, and say by themselves why they end a pod. */
export function isOwnCondition({ type, reason }: Pick<PodCondition, 'type' | 'reason'>): boolean {
  return own.has(type) || (type === 'DisruptionTarget' && reason === disruptionReason);
}

const truth = (type: string, reason?: string): Verdict => ({
  type,
  status: 'True',
  ...(reason && { reason }),
});
const denial = (type: string, reason: string, message?: string): Verdict => ({
  type,
  status: 'False',
  reason,
  ...(message && { message }),
});

function initializedVerdict({ pod, phase, init, regular }: ConditionSources): Verdict {
  const type = 'Initialized';
  const incomplete: string[] = [];
  for (const container of pod.spec.initContainers ?? []) {
    const status = init.find(({ name }) => name === container.name);
    const isDone = isSidecar(container) ? status?.started === true : status?.ready === true;
    if (!isDone) incomplete.push(container.name);
  }
  if (phase === 'Succeeded') return truth(type, 'PodCompleted');
  const hasStarted = regular.some(({ state }) => state.running ?? state.terminated);
  if (incomplete.length === 0 || hasStarted) return truth(type);
  return denial(
    type,
    'ContainersNotInitialized',
    `containers with incomplete status: [${incomplete.join(' ')}]`,
  );
}

function containersReadyVerdict({ pod, phase, init, regular }: ConditionSources): Verdict {
  const type = 'ContainersReady';
  if (phase === 'Succeeded') return denial(type, 'PodCompleted');
  if (phase === 'Failed') return denial(type, 'PodFailed');
  const unready: string[] = [];
  for (const container of (pod.spec.initContainers ?? []).filter(isSidecar))
    if (!init.find(({ name }) => name === container.name)?.ready) unready.push(container.name);
  for (const { name } of pod.spec.containers)
    if (!regular.find((one) => one.name === name)?.ready) unready.push(name);
  if (unready.length === 0) return truth(type);
  return denial(
    type,
    'ContainersNotReady',
    `containers with unready status: [${unready.join(' ')}]`,
  );
}

function readyVerdict({ pod, previous }: ConditionSources, containersReady: Verdict): Verdict {
  if (containersReady.status !== 'True') return { ...containersReady, type: 'Ready' };
  const problems: string[] = [];
  for (const { conditionType } of pod.spec.readinessGates ?? []) {
    const found = previous.conditions?.find(({ type }) => type === conditionType);
    if (!found)
      problems.push(
        `corresponding condition of pod readiness gate "${conditionType}" does not exist.`,
      );
    else if (found.status !== 'True')
      problems.push(
        `the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`,
      );
  }
  if (problems.length === 0) return truth('Ready');
  return denial('Ready', 'ReadinessGatesNotReady', problems.join(', '));
}
