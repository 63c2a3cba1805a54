import type {
  AppArmorProfile,
  Pod,
  PodAffinityTerm,
  TopologySpreadConstraint,
} from '#shared/api/types/core-v1.ts';
import { appArmorPrefix } from '#shared/api/core/pod/annotations.ts';
import { dropDisabledFields } from '#shared/api/core/pod/disabled-fields.ts';
import { eachContainer } from '#shared/api/core/pod/each-container.ts';
import { qualityOfService } from '#shared/api/core/pod/quality-of-service.ts';
import { validateAppArmorProfile } from '#shared/api/core/pod/security-context.ts';
import { isClean } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { Draft } from '#shared/kube/object.ts';

export function preparePodForCreate(pod: Draft<Pod>): void {
  pod.metadata.generation = 1;
  pod.status = { phase: 'Pending', qosClass: qualityOfService(pod.spec) };
  dropDisabledFields(pod.spec, undefined);
  if (pod.spec.schedulingGates?.length) {
    pod.status.conditions = [
      {
        type: 'PodScheduled',
        status: 'False',
        lastProbeTime: null as never,
        lastTransitionTime: null as never,
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
      },
    ];
  }
  const labels = pod.metadata.labels ?? {};
  mergeAffinityKeys(pod, labels);
  for (const constraint of pod.spec.topologySpreadConstraints ?? []) {
    mergeKeys(constraint, constraint.matchLabelKeys, 'In', labels);
  }
  applyAppArmorAnnotations(pod);
}

export function preparePodForUpdate(pod: Draft<Pod>, old: Pod): void {
  pod.status = old.status as Draft<Pod>['status'];
  dropDisabledFields(pod.spec, old.spec);
  countGeneration(pod, old);
}

export function preparePodForStatusUpdate(pod: Draft<Pod>, old: Pod): void {
  pod.spec = old.spec as Draft<Pod>['spec'];
  // The deletion timestamp is restored by the registry; owners belong to the spec's side.
  delete pod.metadata.deletionTimestamp;
  const { ownerReferences } = old.metadata as Draft<Pod>['metadata'];
  if (ownerReferences) pod.metadata.ownerReferences = ownerReferences;
  else delete pod.metadata.ownerReferences;
  const status = (pod.status ??= {});
  if (!status.qosClass && old.status?.qosClass) status.qosClass = old.status.qosClass;
  keepObservedGenerations(status, old);
}

/** Writers that do not know the observed generation leave it as it was. */
function keepObservedGenerations(
  status: Draft<NonNullable<Pod['status']>>,
  { status: old }: Pod,
): void {
  if (!status.observedGeneration && old?.observedGeneration) {
    status.observedGeneration = old.observedGeneration;
  }
  const known = new Map<string, number[]>();
  for (const { type, observedGeneration = 0 } of old?.conditions ?? []) {
    known.set(type, [...(known.get(type) ?? []), observedGeneration]);
  }
  for (const condition of status.conditions ?? []) {
    const generation = known.get(condition.type)?.shift();
    if (!condition.observedGeneration && generation) condition.observedGeneration = generation;
  }
}

/** The ephemeral containers of the new pod, everything else of the old one. */
export function prepareEphemeralContainers(pod: Draft<Pod>, old: Pod): void {
  const { ephemeralContainers } = pod.spec;
  pod.spec = { ...(old.spec as Draft<Pod>['spec']) };
  delete pod.spec.ephemeralContainers;
  if (ephemeralContainers) pod.spec.ephemeralContainers = ephemeralContainers;
  restoreAroundSpec(pod, old);
  dropDisabledFields(pod.spec, old.spec);
  countGeneration(pod, old);
}

/** The resources and resize policies of the new pod, everything else of the old one. */
export function prepareResize(pod: Draft<Pod>, old: Pod): void {
  const { containers, initContainers, resources } = pod.spec;
  const hasAsMany =
    containers?.length === old.spec.containers.length &&
    (initContainers?.length ?? 0) === (old.spec.initContainers?.length ?? 0);
  if (hasAsMany) {
    pod.spec = { ...(old.spec as Draft<Pod>['spec']) };
    delete pod.spec.resources;
    if (resources) pod.spec.resources = resources;
    pod.spec.containers = resized(containers, old.spec.containers);
    if (initContainers) {
      pod.spec.initContainers = resized(initContainers, old.spec.initContainers ?? []);
    }
    restoreAroundSpec(pod, old);
  }
  dropDisabledFields(pod.spec, old.spec);
  countGeneration(pod, old);
}

type Containers = Draft<Pod>['spec']['containers'];

function resized(containers: Containers, old: Pod['spec']['containers']): Containers {
  if (containers.some((container, index) => container.name !== old[index]?.name)) return containers;
  return old.map((container, index) => {
    const { resources, resizePolicy } = containers[index]!;
    const { resizePolicy: _, ...kept } = container as Containers[number];
    return { ...kept, resources, ...(resizePolicy && { resizePolicy }) };
  });
}

function restoreAroundSpec(pod: Draft<Pod>, old: Pod): void {
  pod.status = old.status as Draft<Pod>['status'];
  const { managedFields } = pod.metadata;
  pod.metadata = {
    ...(old.metadata as Draft<Pod>['metadata']),
    resourceVersion: pod.metadata.resourceVersion,
    ...(managedFields && { managedFields }),
  };
}

function countGeneration(pod: Draft<Pod>, old: Pod): void {
  if (!semanticEqual(pod.spec, old.spec)) {
    pod.metadata.generation = (pod.metadata.generation ?? 0) + 1;
  }
}

function mergeAffinityKeys(pod: Draft<Pod>, labels: Readonly<Record<string, string>>): void {
  for (const member of ['podAffinity', 'podAntiAffinity'] as const) {
    const affinity = pod.spec.affinity?.[member];
    const terms = [
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        ({ podAffinityTerm }) => podAffinityTerm,
      ),
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ];
    for (const term of terms) {
      mergeKeys(term, term.matchLabelKeys, 'In', labels);
      mergeKeys(term, term.mismatchLabelKeys, 'NotIn', labels);
    }
  }
}

/** The pod's own values for these keys become part of the selector. */
function mergeKeys(
  { labelSelector }: Draft<PodAffinityTerm | TopologySpreadConstraint>,
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Readonly<Record<string, string>>,
): void {
  if (!labelSelector) return;
  for (const key of keys ?? []) {
    const value = labels[key];
    if (value === undefined) continue;
    labelSelector.matchExpressions ??= [];
    labelSelector.matchExpressions.push({ key, operator, values: [value] });
  }
}

/** The old annotations still work: they fill in fields that are not set. */
function applyAppArmorAnnotations(pod: Draft<Pod>): void {
  const { annotations } = pod.metadata;
  if (!annotations || pod.spec.os?.name === 'windows') return;
  const podProfile = pod.spec.securityContext?.appArmorProfile;
  for (const [container] of eachContainer(pod.spec, '')) {
    const annotation = annotations[appArmorPrefix + container.name];
    if (annotation === undefined || container.securityContext?.appArmorProfile) continue;
    const profile = profileOf(annotation);
    if (!profile || !isClean(validateAppArmorProfile(profile, ''))) continue;
    if (semanticEqual(profile, podProfile)) continue;
    const draft = container as Draft<typeof container>;
    draft.securityContext = { ...draft.securityContext, appArmorProfile: profile };
  }
}

export function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  const path = annotation.startsWith('localhost/') ? annotation.slice('localhost/'.length) : '';
  return path ? { type: 'Localhost', localhostProfile: path } : undefined;
}
