import type { Volume } from '#shared/api/types/core-v1.ts';

/** What an older version of the same pod had, and therefore may keep; all false for a new one. */
export interface PodAllowances {
  readonly isPod: boolean;
  readonly invalidDeletionCost: boolean;
  readonly invalidSelectorValues: boolean;
  readonly invalidNodeAffinityValues: boolean;
  readonly invalidSpreadSelector: boolean;
  readonly overlappingSpreadKeys: boolean;
  readonly indivisibleHugePages: boolean;
  readonly nonLocalTokenPath: boolean;
  readonly hostSysctls: boolean;
  readonly mountSeLinuxChangePolicy: boolean;
  readonly restartContainerForInitContainers: boolean;
  readonly userNamespacesWithDevices: boolean;
  readonly comparingTolerations: boolean;
  readonly userNamespacesWithHostNetwork: boolean;
}

/** Nothing beyond the rules for new pods, as they are checked in a pod template. */
export const strict: PodAllowances = Object.freeze({
  isPod: false,
  invalidDeletionCost: false,
  invalidSelectorValues: false,
  invalidNodeAffinityValues: false,
  invalidSpreadSelector: false,
  overlappingSpreadKeys: false,
  indivisibleHugePages: false,
  nonLocalTokenPath: false,
  hostSysctls: false,
  mountSeLinuxChangePolicy: false,
  restartContainerForInitContainers: false,
  userNamespacesWithDevices: false,
  comparingTolerations: false,
  userNamespacesWithHostNetwork: false,
});

export const strictPod: PodAllowances = Object.freeze({ ...strict, isPod: true });

/** What the checks of containers need to know of their pod. */
export interface PodContext {
  readonly allows: PodAllowances;
  /** Those without a problem, by name. */
  readonly volumes: Map<string, Volume>;
  readonly claimNames: ReadonlySet<string>;
  readonly gracePeriod: number | undefined;
  readonly restartPolicy: string;
  readonly os: string | undefined;
  readonly usesHostUsers: boolean;
}
