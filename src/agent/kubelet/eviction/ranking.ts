import type { Pod } from '#shared/api/types/core-v1.ts';
import { podRequests } from '#shared/kube/pod-requests.ts';
import type { StarvedResource } from './signals.ts';

/** What one container of a pod uses. */
export interface ContainerUsage {
  readonly name: string;
  readonly memory: number;
  readonly disk: number;
}

/** What a pod uses, as far as it is measured. */
export interface PodUsage {
  readonly memory: number;
  /** Of the file system that runs short. */
  readonly disk: number;
  readonly inodes: number;
  readonly containers: readonly ContainerUsage[];
}

export type UsageOf = (pod: Pod) => PodUsage | undefined;

/**
 * Who goes first: those of whom nothing is known, those who use more than they asked for, the lower
 * priorities, and then those who use the most beyond what they asked for.
 */
export function rankForEviction(
  pods: readonly Pod[],
  resource: StarvedResource,
  usageOf: UsageOf,
): Pod[] {
  const ranked = pods.map((pod) => ({ pod, ...standingOf(pod, resource, usageOf(pod)) }));
  ranked.sort(
    (a, b) =>
      Number(b.isUnknown) - Number(a.isUnknown) ||
      Number(b.exceeds) - Number(a.exceeds) ||
      priorityOf(a.pod) - priorityOf(b.pod) ||
      b.beyond - a.beyond,
  );
  return ranked.map(({ pod }) => pod);
}

function standingOf(
  pod: Pod,
  resource: StarvedResource,
  usage: PodUsage | undefined,
): { readonly isUnknown: boolean; readonly exceeds: boolean; readonly beyond: number } {
  // How many processes a pod has is not measured: its priority decides.
  if (resource === 'pids') return { isUnknown: false, exceeds: false, beyond: 0 };
  if (!usage) return { isUnknown: true, exceeds: true, beyond: 0 };
  const used = { memory: usage.memory, 'ephemeral-storage': usage.disk, inodes: usage.inodes };
  const requests = podRequests(pod);
  // Upstream sets off inodes against bytes, too.
  const request = requests.get(resource === 'inodes' ? 'ephemeral-storage' : resource) ?? 0;
  return {
    isUnknown: false,
    exceeds: used[resource] > (requests.get(resource) ?? 0),
    beyond: used[resource] - request,
  };
}

function priorityOf({ spec }: Pod): number {
  return spec.priority ?? 0;
}
