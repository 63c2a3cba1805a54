import type { NodeCondition } from '#shared/api/types/core-v1.ts';
import type { Pressure } from '../eviction/signals.ts';

export interface NodeHealth {
  readonly pressures: ReadonlySet<Pressure>;
  /** Why the node cannot run pods, if it cannot. */
  readonly problems: readonly string[];
}

interface Wording {
  readonly type: Pressure;
  readonly bad: readonly [reason: string, message: string];
  readonly good: readonly [reason: string, message: string];
}

const memory: Wording = {
  type: 'MemoryPressure',
  bad: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
  good: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
};
const disk: Wording = {
  type: 'DiskPressure',
  bad: ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
  good: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
};
const processes: Wording = {
  type: 'PIDPressure',
  bad: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
  good: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
};

/** The node's conditions in upstream's words. */
export function nodeConditions(
  health: NodeHealth,
  previous: readonly NodeCondition[],
  now: string,
): NodeCondition[] {
  const pressures = [memory, disk, processes].map((one) =>
    pressure(one, health.pressures.has(one.type)),
  );
  const isReady = health.problems.length === 0;
  const ready = {
    type: 'Ready',
    status: isReady ? 'True' : 'False',
    reason: isReady ? 'KubeletReady' : 'KubeletNotReady',
    message: isReady
      ? 'kubelet is posting ready status'
      : health.problems.length === 1
        ? health.problems[0]!
        : `[${health.problems.join(', ')}]`,
  };
  const made = [...pressures, ready].map((condition) => {
    const old = previous.find(({ type }) => type === condition.type);
    const lastTransitionTime =
      old?.status === condition.status && old.lastTransitionTime ? old.lastTransitionTime : now;
    return { ...condition, lastHeartbeatTime: now, lastTransitionTime };
  });
  const types = new Set(made.map(({ type }) => type));
  return [...made, ...previous.filter(({ type }) => !types.has(type))];
}

function pressure({ type, bad, good }: Wording, isUnderPressure: boolean) {
  const [reason, message] = isUnderPressure ? bad : good;
  return { type, status: isUnderPressure ? 'True' : 'False', reason, message };
}

/** The event that tells of a condition's change. */
export function conditionEvent({ type, status }: NodeCondition): string | undefined {
  const names: Readonly<Record<string, readonly [string, string]>> = {
    MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
    DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
    PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
    Ready: ['NodeReady', 'NodeNotReady'],
  };
  return names[type]?.[status === 'True' ? 0 : 1];
}
