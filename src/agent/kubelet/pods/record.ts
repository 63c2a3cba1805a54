import type { Pod } from '#shared/api/types/core-v1.ts';
import type { WaitingReason } from '../status/container-statuses.ts';
import type { Verdict } from '../status/pod-status.ts';

/** How far a pod's life on this node has come; it only ever moves on. */
export type Stage = 'running' | 'terminating' | 'terminated' | 'finished';

/** What the kubelet keeps of one pod. */
export interface PodRecord {
  readonly uid: string;
  pod: Pod;
  stage: Stage;
  /** It has been found fit for this node, or runs here already. */
  isAdmitted: boolean;
  /** It is not at the API (or in the folder of static pods) any more. */
  isRemoved: boolean;
  /** RFC 3339. */
  readonly seen: string;
  verdict: Verdict | undefined;
  /** Overrides the pod's own grace period when the kubelet ends it. */
  graceSeconds: number | undefined;
  readonly reasons: Map<string, WaitingReason>;
  /** By the CRI's id. */
  readonly messages: Map<string, string>;
  /** Ends what is being done for the pod now, because something else has to be done. */
  interrupt: AbortController;
  mountFailures: number;
  /** By the CRI's id: what the container has been given, as text. */
  readonly resources: Map<string, string>;
  /** Containers whose first back-off has been met. */
  readonly firstBackoffs: Set<string>;
}

export function createRecord(pod: Pod, seen: string): PodRecord {
  return {
    uid: pod.metadata.uid,
    pod,
    stage: 'running',
    isAdmitted: false,
    isRemoved: false,
    seen,
    verdict: undefined,
    graceSeconds: undefined,
    reasons: new Map(),
    messages: new Map(),
    interrupt: new AbortController(),
    mountFailures: 0,
    resources: new Map(),
    firstBackoffs: new Set(),
  };
}
