import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { podRequests, type RequestedAmounts } from '#shared/kube/pod-requests.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { PodInfo } from './pod-info.ts';

/** What can happen to an object, as upstream's ActionType; several joined with `|`. */
export const actions = {
  add: 1 << 0,
  delete: 1 << 1,
  updateNodeAllocatable: 1 << 2,
  updateNodeLabel: 1 << 3,
  updateNodeTaint: 1 << 4,
  updateNodeCondition: 1 << 5,
  updateNodeAnnotation: 1 << 6,
  updateNodeDeclaredFeature: 1 << 7,
  updatePodLabel: 1 << 8,
  updatePodScaleDown: 1 << 9,
  updatePodToleration: 1 << 10,
  updatePodSchedulingGatesEliminated: 1 << 11,
  updatePodGeneratedResourceClaim: 1 << 12,
  update: (1 << 13) - (1 << 2),
  all: (1 << 13) - 1,
} as const;

export type EventResource =
  | 'Pod'
  | 'AssignedPod'
  | 'UnschedulablePod'
  | 'Node'
  | 'PersistentVolume'
  | 'PersistentVolumeClaim'
  | 'CSINode'
  | 'CSIDriver'
  | 'CSIStorageCapacity'
  | 'StorageClass'
  | 'VolumeAttachment'
  | 'ResourceClaim'
  | 'ResourceSlice'
  | 'DeviceClass'
  | '*';

export interface ClusterEvent {
  readonly resource: EventResource;
  readonly action: number;
  readonly label: string;
}

/**
 * A change that may cure a refusal by the plugin. `hint` looks at the change (the object before and
 * after) and says whether to try again; without it every such change is worth a try.
 */
export interface EventInterest {
  readonly resource: EventResource;
  readonly action: number;
  hint?(pod: PodInfo, before: unknown, after: unknown): boolean;
}

/** Everything waits long enough in the end. */
export const unschedulableTimeout: ClusterEvent = {
  resource: '*',
  action: actions.all,
  label: 'UnschedulableTimeout',
};
export const forceActivate: ClusterEvent = {
  resource: '*',
  action: actions.all,
  label: 'ForceActivate',
};

export function clusterEvent(
  resource: EventResource,
  action: Exclude<keyof typeof actions, 'all'>,
): ClusterEvent {
  const verb = `${action.charAt(0).toUpperCase()}${action.slice(1)}`;
  return { resource, action: actions[action], label: `${resource}${verb}` };
}

export const assignedPodAdd = clusterEvent('AssignedPod', 'add');
export const assignedPodDelete = clusterEvent('AssignedPod', 'delete');
export const nodeAdd = clusterEvent('Node', 'add');
export const nodeDelete = clusterEvent('Node', 'delete');

export function isWildcard({ resource, action }: ClusterEvent): boolean {
  return resource === '*' && action === actions.all;
}

/** A plugin interested in an update of everything is not told of a narrower interest's superset. */
export function isInterested(interest: EventInterest, event: ClusterEvent): boolean {
  const { resource, action } = interest;
  if (resource === '*' && action === actions.all) return true;
  const isSame =
    resource === '*' ||
    resource === event.resource ||
    (resource === 'Pod' &&
      (event.resource === 'AssignedPod' || event.resource === 'UnschedulablePod'));
  return isSame && (action & event.action) !== 0 && event.action <= action;
}

const podChanges: readonly (readonly [
  Exclude<keyof typeof actions, 'all'>,
  (after: Pod, before: Pod) => boolean,
])[] = [
  [
    'updatePodLabel',
    (after, before) => !semanticEqual(after.metadata.labels ?? {}, before.metadata.labels ?? {}),
  ],
  ['updatePodScaleDown', asksForLess],
  [
    'updatePodSchedulingGatesEliminated',
    (after, before) =>
      !after.spec.schedulingGates?.length && Boolean(before.spec.schedulingGates?.length),
  ],
  [
    'updatePodToleration',
    (after, before) =>
      (after.spec.tolerations?.length ?? 0) !== (before.spec.tolerations?.length ?? 0),
  ],
  [
    'updatePodGeneratedResourceClaim',
    (after, before) =>
      !semanticEqual(after.status?.resourceClaimStatuses, before.status?.resourceClaimStatuses) ||
      !semanticEqual(
        after.status?.extendedResourceClaimStatus,
        before.status?.extendedResourceClaimStatus,
      ),
  ],
];

/** The events that an update of a pod amounts to; a plain update where nothing special changed. */
export function podUpdateEvents(after: Pod, before: Pod): readonly ClusterEvent[] {
  const resource = after.spec.nodeName ? 'AssignedPod' : 'UnschedulablePod';
  const events = podChanges
    .filter(([, isChanged]) => isChanged(after, before))
    .map(([action]) => clusterEvent(resource, action));
  return events.length > 0 ? events : [clusterEvent(resource, 'update')];
}

const nodeChanges: readonly (readonly [
  Exclude<keyof typeof actions, 'all'>,
  (after: Node, before: Node) => boolean,
])[] = [
  [
    'updateNodeTaint',
    (after, before) => Boolean(before.spec?.unschedulable) && !after.spec?.unschedulable,
  ],
  [
    'updateNodeAllocatable',
    (after, before) =>
      !semanticEqual(after.status?.allocatable, before.status?.allocatable, 'allocatable'),
  ],
  [
    'updateNodeLabel',
    (after, before) => !semanticEqual(after.metadata.labels ?? {}, before.metadata.labels ?? {}),
  ],
  [
    'updateNodeTaint',
    (after, before) => !semanticEqual(after.spec?.taints ?? [], before.spec?.taints ?? []),
  ],
  [
    'updateNodeCondition',
    (after, before) => !semanticEqual(conditionStatuses(after), conditionStatuses(before)),
  ],
  [
    'updateNodeAnnotation',
    (after, before) =>
      !semanticEqual(after.metadata.annotations ?? {}, before.metadata.annotations ?? {}),
  ],
  [
    'updateNodeDeclaredFeature',
    (after, before) =>
      !semanticEqual(after.status?.declaredFeatures ?? [], before.status?.declaredFeatures ?? []),
  ],
];

/** The events that an update of a node amounts to; none for a mere heartbeat. */
export function nodeUpdateEvents(after: Node, before: Node): readonly ClusterEvent[] {
  return nodeChanges
    .filter(([, isChanged]) => isChanged(after, before))
    .map(([action]) => clusterEvent('Node', action));
}

function conditionStatuses({ status }: Node): Readonly<Record<string, string>> {
  return Object.fromEntries((status?.conditions ?? []).map(({ type, status }) => [type, status]));
}

function asksForLess(after: Pod, before: Pod): boolean {
  if (after.spec === before.spec && after.status === before.status) return false;
  const less = (before: RequestedAmounts, after: RequestedAmounts): boolean => {
    for (const [name, amount] of before) {
      const left = after.get(name);
      if (left === undefined || left < amount) return true;
    }
    return false;
  };
  return less(podRequests(before, { useStatus: true }), podRequests(after, { useStatus: true }));
}
