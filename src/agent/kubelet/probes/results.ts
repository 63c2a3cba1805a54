import type { PodStatus } from '#shared/api/types/core-v1.ts';

export type ProbeKind = 'liveness' | 'readiness' | 'startup';
export type ProbeResult = 'success' | 'failure' | 'unknown';

/** What probes last found, by the CRI's id of the container. */
export interface ProbeResults {
  of(kind: ProbeKind, containerId: string): ProbeResult | undefined;
}

/**
 * Whether this very container had been told to have started, or to be ready, before the kubelet was
 * started anew: until a probe says otherwise that holds (KEP-4781).
 */
export function wasToldGood(
  { conditions = [], initContainerStatuses = [], containerStatuses = [] }: PodStatus,
  kind: Exclude<ProbeKind, 'liveness'>,
  containerId: string,
): boolean {
  const statuses = [...initContainerStatuses, ...containerStatuses];
  const own = statuses.find(({ containerID = '' }) => containerID.endsWith(`://${containerId}`));
  if (kind === 'startup') return own?.started === true;
  const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  return isReady && own?.ready === true;
}
