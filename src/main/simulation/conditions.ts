import type { ContainerStatus, Pod, PodCondition } from '#shared/api/types/core-v1.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** What the conditions are told from. */
export interface Facts {
  readonly phase: Phase;
  /** The pod has its sandbox and address. */
  readonly hasNetwork: boolean;
  /** The names of init containers that still have to end, or sidecars to start. */
  readonly incomplete: readonly string[];
  readonly containers: readonly ContainerStatus[];
  readonly time: string;
}

const own = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
];

/** A kubelet's five conditions in its own order, then those that others own. */
export function podConditions(pod: Pod, facts: Facts): readonly PodCondition[] {
  const before = pod.status.conditions ?? [];
  const others = before.filter(({ type }) => !own.includes(type));
  const ready = containersReady(facts);
  const wanted: readonly Wanted[] = [
    { type: 'PodReadyToStartContainers', holds: facts.hasNetwork },
    initialized(facts),
    { ...(ready.holds ? gates(pod, others) : ready), type: 'Ready' },
    { ...ready, type: 'ContainersReady' },
    { type: 'PodScheduled', holds: true },
  ];
  const conditions = wanted.map((one) => conditionOf(pod, one, facts.time));
  return [...conditions, ...others];
}

/** Whatever else the server keeps with each. */
export function saySame(
  left: readonly PodCondition[] = [],
  right: readonly PodCondition[] = [],
): boolean {
  const said = (condition: PodCondition | undefined): unknown[] => {
    const { type, status, reason = '', message = '', observedGeneration } = condition ?? {};
    return [type, status, reason, message, observedGeneration];
  };
  return (
    left.length === right.length &&
    left.every((one, at) => {
      const other = said(right[at]);
      return said(one).every((value, part) => value === other[part]);
    })
  );
}

interface Wanted {
  readonly type: string;
  readonly holds: boolean;
  readonly reason?: string;
  readonly message?: string;
}

function initialized({ phase, incomplete }: Facts): Wanted {
  const type = 'Initialized';
  if (phase === 'Succeeded') return { type, holds: true, reason: 'PodCompleted' };
  if (incomplete.length === 0) return { type, holds: true };
  const message = `containers with incomplete status: [${incomplete.join(' ')}]`;
  return { type, holds: false, reason: 'ContainersNotInitialized', message };
}

function containersReady({ phase, containers }: Facts): Wanted {
  const type = 'ContainersReady';
  if (phase === 'Succeeded') return { type, holds: false, reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, holds: false, reason: 'PodFailed' };
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return { type, holds: true };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { type, holds: false, reason: 'ContainersNotReady', message };
}

/** Conditions that the pod says it must have before it is ready. */
function gates({ spec }: Pod, others: readonly PodCondition[]): Wanted {
  const type = 'Ready';
  const faults = (spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = others.find((condition) => condition.type === conditionType);
    if (!gate)
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (gate.status === 'True') return [];
    return [
      `the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`,
    ];
  });
  if (faults.length === 0) return { type, holds: true };
  return { type, holds: false, reason: 'ReadinessGatesNotReady', message: faults.join(', ') };
}

function conditionOf(
  { metadata, status }: Pod,
  { type, holds, reason, message }: Wanted,
  time: string,
): PodCondition {
  const before = status.conditions?.find((condition) => condition.type === type);
  const value = holds ? 'True' : 'False';
  const since = before?.status === value ? before.lastTransitionTime : undefined;
  return {
    type,
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    status: value,
    lastTransitionTime: since ?? time,
    ...(reason && { reason }),
    ...(message && { message }),
  };
}
