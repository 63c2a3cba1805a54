import type { Job } from '#shared/api/types/batch-v1.ts';
import type { Container, Pod, PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import type { New } from '#shared/kube/object.ts';
import type { OwnerReference } from '#shared/kube/types/meta-v1.ts';
import { podFromTemplate } from '../pods/pod-control.ts';
import { byCostOfLoss } from '../pods/victims.ts';
import { integerOf } from '../values.ts';
import { judgeFailure } from './policies.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
const indexKey = 'batch.kubernetes.io/job-completion-index';
const failureCountKey = 'batch.kubernetes.io/job-index-failure-count';
const ignoredFailureCountKey = 'batch.kubernetes.io/job-index-ignored-failure-count';
const longestGeneratedName = 58;

export const isIndexed = ({ spec }: Job): boolean => spec.completionMode === 'Indexed';
export const isSuspended = ({ spec }: Job): boolean => spec.suspend === true;
export const isPerIndex = ({ spec }: Job): boolean => spec.backoffLimitPerIndex !== undefined;

export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(trackingFinalizer) ?? false;
}

/** Pods that are only being deleted do not count as failed where only failed ones are replaced. */
export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec.podReplacementPolicy === 'Failed' || spec.podFailurePolicy !== undefined;
}

export function isFailed(pod: Pod, job: Job): boolean {
  if (pod.status.phase === 'Failed') return true;
  if (replacesOnlyFailed(job)) return false;
  return pod.metadata.deletionTimestamp !== undefined && pod.status.phase !== 'Succeeded';
}

/** -1 for a pod without a usable one. */
export function indexOf({ metadata }: Pod): number {
  const index = integerOf(metadata.annotations?.[indexKey]) ?? -1;
  return index < 0 ? -1 : index;
}

export function indexesOf(pods: Iterable<Pod>): Set<number> {
  const indexes = new Set<number>();
  for (const pod of pods) if (indexOf(pod) >= 0) indexes.add(indexOf(pod));
  return indexes;
}

export function failureCount({ metadata }: Pod): number {
  return count(metadata.annotations?.[failureCountKey]);
}

export function absoluteFailureCount(pod: Pod): number {
  return failureCount(pod) + count(pod.metadata.annotations?.[ignoredFailureCountKey]);
}

function count(text: string | undefined): number {
  const value = integerOf(text) ?? 0;
  return value < 0 || value > 0x7fffffff ? 0 : value;
}

/** The template with what tracking needs. */
export function trackedTemplate(job: Job): PodTemplateSpec {
  const { template } = job.spec;
  const finalizers = template.metadata?.finalizers ?? [];
  const metadata = {
    ...template.metadata,
    finalizers: finalizers.includes(trackingFinalizer)
      ? finalizers
      : [...finalizers, trackingFinalizer],
  };
  if (!isIndexed(job)) return { ...template, metadata };
  const spec = template.spec;
  return {
    ...template,
    metadata,
    spec: {
      ...spec,
      ...(spec.initContainers && { initContainers: spec.initContainers.map(withIndexVariable) }),
      containers: spec.containers.map(withIndexVariable),
    },
  };
}

function withIndexVariable(container: Container): Container {
  const name = 'JOB_COMPLETION_INDEX';
  if (container.env?.some((variable) => variable.name === name)) return container;
  const fieldRef = { fieldPath: `metadata.labels['${indexKey}']` };
  return { ...container, env: [...(container.env ?? []), { name, valueFrom: { fieldRef } }] };
}

export interface NewPod {
  readonly template: PodTemplateSpec;
  readonly reference: OwnerReference;
  readonly index?: number | undefined;
  /** The failed pod of the same index that this one follows. */
  readonly replaces?: Pod | undefined;
}

export function newPod(job: Job, { template, reference, index, replaces }: NewPod): New<Pod> {
  const { name, namespace } = job.metadata;
  const draft = podFromTemplate(template, name, reference);
  if (index === undefined)
    return { ...draft, metadata: { ...draft.metadata, namespace: namespace! } };
  const suffix = `-${index}-`;
  return {
    ...draft,
    metadata: {
      ...draft.metadata,
      namespace: namespace!,
      generateName: name.slice(0, longestGeneratedName - suffix.length) + suffix,
      labels: { ...draft.metadata.labels, [indexKey]: String(index) },
      annotations: {
        ...draft.metadata.annotations,
        [indexKey]: String(index),
        ...(isPerIndex(job) && failureAnnotations(job, replaces)),
      },
    },
    spec: { ...draft.spec!, hostname: `${name}-${index}` },
  };
}

function failureAnnotations(job: Job, replaced: Pod | undefined): Readonly<Record<string, string>> {
  if (!replaced) return { [failureCountKey]: '0' };
  const { isCounted } = judgeFailure(job, replaced);
  const counted = failureCount(replaced) + Number(isCounted);
  const ignored = absoluteFailureCount(replaced) - failureCount(replaced) + Number(!isCounted);
  return {
    [failureCountKey]: String(counted),
    ...(ignored > 0 && { [ignoredFailureCountKey]: String(ignored) }),
  };
}

/** At least so many active pods, duplicates of an index and indexes out of range first. */
export function podsToRemove(job: Job, active: readonly Pod[], atLeast: number): readonly Pod[] {
  const { remove, left } = isIndexed(job)
    ? withoutDuplicates(active, job.spec.completions ?? 0)
    : { remove: [], left: active };
  if (remove.length >= atLeast) return remove;
  return [...remove, ...[...left].sort(byCostOfLoss).slice(0, atLeast - remove.length)];
}

function withoutDuplicates(
  active: readonly Pod[],
  completions: number,
): { remove: Pod[]; left: Pod[] } {
  const remove: Pod[] = [];
  const byIndex = new Map<number, Pod[]>();
  for (const pod of active) {
    const index = indexOf(pod);
    if (index < 0 || index >= completions) remove.push(pod);
    else byIndex.set(index, [...(byIndex.get(index) ?? []), pod]);
  }
  const left: Pod[] = [];
  for (const same of byIndex.values()) {
    const ordered = same.sort(byCostOfLoss);
    remove.push(...ordered.slice(0, -1));
    left.push(ordered.at(-1)!);
  }
  return { remove, left };
}
