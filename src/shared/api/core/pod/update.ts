import type {
  Affinity,
  Container,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSchedulingGate,
  PodSpec,
  Toleration,
} from '#shared/api/types/core-v1.ts';
import { podAllowances } from '#shared/api/core/pod/allowances.ts';
import {
  validateAnnotationChanges,
  validatePodAnnotations,
  validateProfilesMatch,
} from '#shared/api/core/pod/annotations.ts';
import { validateImageSpaces } from '#shared/api/core/pod/containers.ts';
import { strictPod, type PodAllowances } from '#shared/api/core/pod/context.ts';
import { validatePodSpec } from '#shared/api/core/pod/spec.ts';
import { validateTolerations } from '#shared/api/core/pod/tolerations.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { forbiddenValue, invalidValue, required } from '#shared/kube/field-error.ts';
import { rangeProblem } from '#shared/kube/names.ts';

const maxInt32 = 2_147_483_647;
const requiredTerms = 'requiredDuringSchedulingIgnoredDuringExecution';
const changeable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

export function* validateNewPod(pod: Pod): Iterable<FieldError> {
  yield* validatePod(pod, strictPod);
  const { spec } = pod;
  if (spec.ephemeralContainers?.length) {
    yield forbiddenValue('spec.ephemeralContainers', 'cannot be set on create');
  }
  if (spec.nodeName && spec.schedulingGates?.length) {
    yield forbiddenValue(
      'spec.nodeName',
      'cannot be set until all schedulingGates have been cleared',
    );
  }
  yield* validateProfilesMatch(pod.metadata, spec, 'spec');
}

/** Annotations and spec of a pod, whether new or changed. */
export function* validatePod({ metadata, spec }: Pod, allows: PodAllowances): Iterable<FieldError> {
  yield* validatePodAnnotations(metadata.annotations, spec, 'metadata.annotations', allows);
  yield* validatePodSpec(spec, 'spec', allows, metadata);
  if (!spec.serviceAccountName) yield* tokensWithoutAccount(spec);
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [index, { image }] of (spec[list] ?? []).entries()) {
      yield* validateImageSpaces(image, `spec.${list}[${index}]`);
    }
  }
}

function* tokensWithoutAccount({ volumes }: PodSpec): Iterable<FieldError> {
  for (const [index, { projected }] of (volumes ?? []).entries()) {
    for (const [at, { serviceAccountToken }] of (projected?.sources ?? []).entries()) {
      if (!serviceAccountToken) continue;
      yield forbiddenValue(
        `spec.volumes[${index}].projected.sources[${at}].serviceAccountToken`,
        'must not be specified when serviceAccountName is not set',
      );
    }
  }
}

export function* validatePodUpdate(pod: Pod, old: Pod): Iterable<FieldError> {
  const allows = podAllowances(old.spec, old.metadata, { isPod: true });
  const { spec } = pod;
  yield* validatePod(pod, allows);
  yield* annotationUpdate(pod, old, allows);
  for (const list of ['containers', 'initContainers'] as const) {
    const containers = spec[list] ?? [];
    if (containers.length !== (old.spec[list] ?? []).length) {
      yield forbiddenValue(`spec.${list}`, 'pod updates may not add or remove containers');
      return;
    }
    yield* validateImages(containers, `spec.${list}`);
  }
  const deadlineError = deadlineProblem(spec, old.spec);
  if (deadlineError) {
    yield deadlineError;
    return;
  }
  yield* onlyAddedTolerations(spec.tolerations ?? [], old.spec.tolerations ?? [], allows);
  yield* onlyRemovedGates(spec.schedulingGates ?? [], old.spec.schedulingGates ?? []);
  if (!semanticEqual(spec, old.spec)) yield* validateFixedFields(spec, old.spec);
}

export function* annotationUpdate(
  { metadata, spec }: Pod,
  old: Pod,
  allows: PodAllowances,
): Iterable<FieldError> {
  const field = 'metadata.annotations';
  yield* validateAnnotationChanges(metadata.annotations, old.metadata.annotations, field);
  yield* validatePodAnnotations(metadata.annotations, spec, field, allows);
}

function* validateImages(containers: readonly Container[], field: string): Iterable<FieldError> {
  for (const [index, { image }] of containers.entries()) {
    if (!image) yield required(`${field}[${index}].image`);
    yield* validateImageSpaces(image, `${field}[${index}]`);
  }
}

function deadlineProblem(
  { activeDeadlineSeconds: deadline }: PodSpec,
  { activeDeadlineSeconds: old }: PodSpec,
): FieldError | undefined {
  const field = 'spec.activeDeadlineSeconds';
  if (deadline === undefined) {
    if (old === undefined) return undefined;
    return invalidValue(field, null, 'must not update from a positive integer to nil value');
  }
  if (deadline < 0 || deadline > maxInt32) {
    return invalidValue(field, deadline, rangeProblem(0, maxInt32));
  }
  if (old === undefined || old >= deadline) return undefined;
  return invalidValue(field, deadline, 'must be less than or equal to previous value');
}

function* onlyAddedTolerations(
  tolerations: readonly Toleration[],
  old: readonly Toleration[],
  { comparingTolerations }: PodAllowances,
): Iterable<FieldError> {
  const areKept = old.every((known) =>
    tolerations.some((toleration) =>
      semanticEqual({ ...known, tolerationSeconds: toleration.tolerationSeconds }, toleration),
    ),
  );
  if (areKept) {
    yield* validateTolerations(tolerations, 'spec.tolerations', comparingTolerations);
  } else {
    yield forbiddenValue(
      'spec.tolerations',
      'existing toleration can not be modified except its tolerationSeconds',
    );
  }
}

function* onlyRemovedGates(
  gates: readonly PodSchedulingGate[],
  old: readonly PodSchedulingGate[],
): Iterable<FieldError> {
  const known = new Set(old.map(({ name }) => name));
  for (const [index, { name }] of gates.entries()) {
    if (known.has(name)) continue;
    yield forbiddenValue(
      `spec.schedulingGates[${index}].name`,
      `only deletion is allowed, but found new scheduling gate '${name}'`,
    );
  }
}

function* validateFixedFields(spec: PodSpec, old: PodSpec): Iterable<FieldError> {
  let munged: PodSpec = {
    ...spec,
    containers: withOldImages(spec.containers, old.containers),
    ...(spec.initContainers && {
      initContainers: withOldImages(spec.initContainers, old.initContainers ?? []),
    }),
  };
  munged = withMembersOf(munged, old, ['activeDeadlineSeconds', 'schedulingGates', 'tolerations']);
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    munged = withMembersOf(munged, old, ['terminationGracePeriodSeconds']);
  }
  if (old.schedulingGates?.length) {
    yield* validateGatedPlacement(munged, old);
    munged = withOldPlacement(munged, old);
  }
  if (!semanticEqual(munged, old)) {
    yield forbiddenValue('spec', `pod updates may not change fields other than ${changeable}\n`);
  }
}

function withOldImages(containers: readonly Container[], old: readonly Container[]): Container[] {
  return containers.map((container, index) => {
    const { image } = old[index]!;
    return image === undefined ? container : { ...container, image };
  });
}

/** A copy whose named members are the other's, absent where the other has none. */
export function withMembersOf<T extends object>(
  object: T,
  other: T,
  members: readonly (keyof T)[],
): T {
  const copy = { ...object };
  for (const member of members) {
    if (other[member] === undefined) delete copy[member];
    else copy[member] = other[member];
  }
  return copy;
}

/** While a pod waits at a gate, its node selection may be narrowed. */
function* validateGatedPlacement(spec: PodSpec, old: PodSpec): Iterable<FieldError> {
  for (const [key, value] of Object.entries(old.nodeSelector ?? {})) {
    if (spec.nodeSelector?.[key] === value) continue;
    yield invalidValue(
      'spec.nodeSelector',
      spec.nodeSelector,
      'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
    );
  }
  const affinity = spec.affinity?.nodeAffinity;
  const oldAffinity = old.affinity?.nodeAffinity;
  if (!semanticEqual(oldAffinity, affinity)) {
    yield* validateNodeAffinityChange(affinity, oldAffinity);
  }
}

function* validateNodeAffinityChange(
  affinity: NodeAffinity | undefined,
  old: NodeAffinity | undefined,
): Iterable<FieldError> {
  const oldTerms = old?.[requiredTerms]?.nodeSelectorTerms;
  if (!oldTerms) return;
  const terms = affinity?.[requiredTerms]?.nodeSelectorTerms ?? [];
  const field = `spec.affinity.nodeAffinity.${requiredTerms}.nodeSelectorTerms`;
  if (oldTerms.length > 0 && oldTerms.length !== terms.length) {
    yield invalidValue(
      field,
      terms,
      'no additions/deletions to non-empty NodeSelectorTerms list are allowed',
    );
    return;
  }
  for (const [index, oldTerm] of oldTerms.entries()) {
    if (hasOnlyAdditions(terms[index]!, oldTerm)) continue;
    yield invalidValue(
      `${field}[${index}]`,
      terms[index],
      'only additions are allowed (no mutations or deletions)',
    );
  }
}

function hasOnlyAdditions(term: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const members = ['matchExpressions', 'matchFields'] as const;
  const wasEmpty = members.every((member) => !old[member]?.length);
  // An empty term matches nothing: any addition would make it match something.
  if (wasEmpty) return members.every((member) => !term[member]?.length);
  return members.every((member) => {
    const known = old[member] ?? [];
    return semanticEqual((term[member] ?? []).slice(0, known.length), known);
  });
}

function withOldPlacement(spec: PodSpec, old: PodSpec): PodSpec {
  const placed = withMembersOf(spec, old, ['nodeSelector']);
  const oldNodeAffinity = old.affinity?.nodeAffinity;
  if (semanticEqual(oldNodeAffinity, spec.affinity?.nodeAffinity)) return placed;
  const { nodeAffinity: _, ...others } = spec.affinity ?? {};
  const affinity: Affinity = oldNodeAffinity
    ? { ...others, nodeAffinity: oldNodeAffinity }
    : others;
  const isNew = !old.affinity && !affinity.podAffinity && !affinity.podAntiAffinity;
  if (spec.affinity === undefined ? !oldNodeAffinity : isNew) {
    const { affinity: __, ...withoutAffinity } = placed;
    return withoutAffinity;
  }
  return { ...placed, affinity };
}
