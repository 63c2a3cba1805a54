import type { PodSpec, Toleration } from '#shared/api/types/core-v1.ts';
import { eachContainer } from '#shared/api/core/pod/each-container.ts';
import { validateTolerations } from '#shared/api/core/pod/tolerations.ts';
import { descendingPath } from '#shared/api/core/volume/paths.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue } from '#shared/kube/field-error.ts';
import type { ObjectMeta } from '#shared/kube/types/meta-v1.ts';

export const mirrorAnnotation = 'kubernetes.io/config.mirror';
export const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const tolerationsAnnotation = 'scheduler.alpha.kubernetes.io/tolerations';
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompPrefix = 'container.seccomp.security.alpha.kubernetes.io/';

type Annotations = Readonly<Record<string, string>>;

interface AnnotationRules {
  readonly invalidDeletionCost: boolean;
  readonly comparingTolerations: boolean;
}

/** Annotations that Kubernetes itself reads. */
export function* validatePodAnnotations(
  annotations: Annotations | undefined,
  spec: PodSpec,
  field: string,
  allows: AnnotationRules,
): Iterable<FieldError> {
  if (!annotations) return;
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName) {
    yield invalidValue(
      `${field}[${mirrorAnnotation}]`,
      mirror,
      'must set spec.nodeName if mirror pod annotation is set',
    );
  }
  const tolerations = annotations[tolerationsAnnotation];
  if (tolerations) yield* validateWrittenTolerations(tolerations, field, allows);
  const cost = annotations[deletionCost];
  if (cost !== undefined && !allows.invalidDeletionCost && !isInt32(cost)) {
    yield invalidValue(`${field}[${deletionCost}]`, cost, 'must be a 32bit integer');
  }
  yield* validateSeccomp(annotations, field);
  yield* validateAppArmor(annotations, spec, field);
}

/** Whether the text says which pods to delete first; signs and leading zeros are refused. */
export function hasValidDeletionCost(annotations: Annotations | undefined): boolean {
  const cost = annotations?.[deletionCost];
  return cost === undefined || isInt32(cost);
}

function isInt32(text: string): boolean {
  if (!/^(0|-?[1-9]\d*)$/.test(text)) return false;
  const number = Number(text);
  return number >= -(2 ** 31) && number < 2 ** 31;
}

function* validateWrittenTolerations(
  text: string,
  field: string,
  { comparingTolerations }: AnnotationRules,
): Iterable<FieldError> {
  let tolerations: readonly Toleration[];
  try {
    tolerations = JSON.parse(text) as readonly Toleration[];
  } catch (error) {
    yield invalidValue(field, tolerationsAnnotation, String(error));
    return;
  }
  const path = `${field}.${tolerationsAnnotation}`;
  yield* validateTolerations(tolerations ?? [], path, comparingTolerations);
}

function* validateSeccomp(annotations: Annotations, field: string): Iterable<FieldError> {
  const ofPod = annotations[seccompPod];
  if (ofPod !== undefined) yield* validateSeccompName(ofPod, `${field}.${seccompPod}`);
  for (const key of Object.keys(annotations)) {
    if (!key.startsWith(seccompPrefix)) continue;
    yield* validateSeccompName(annotations[key]!, `${field}.${key}`);
  }
}

function* validateSeccompName(profile: string, field: string): Iterable<FieldError> {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(profile)) return;
  if (profile.startsWith('localhost/')) {
    yield* descendingPath(profile.slice('localhost/'.length), field);
  } else yield invalidValue(field, profile, 'must be a valid seccomp profile');
}

function* validateAppArmor(
  annotations: Annotations,
  spec: PodSpec,
  field: string,
): Iterable<FieldError> {
  for (const key of Object.keys(annotations)) {
    if (!key.startsWith(appArmorPrefix)) continue;
    const profile = annotations[key]!;
    const container = key.slice(appArmorPrefix.length);
    if (!hasContainer(spec, container)) {
      yield invalidValue(`${field}[${key}]`, container, 'container not found');
    }
    if (
      profile !== '' &&
      profile !== 'runtime/default' &&
      profile !== 'unconfined' &&
      !profile.startsWith('localhost/')
    ) {
      yield invalidValue(
        `${field}[${key}]`,
        profile,
        `invalid AppArmor profile name: ${JSON.stringify(profile)}`,
      );
    }
  }
}

function hasContainer(spec: PodSpec, name: string): boolean {
  for (const [container] of eachContainer(spec, '')) if (container.name === name) return true;
  return false;
}

/** Annotations and fields that say the same thing must agree, for older readers. */
export function* validateProfilesMatch(
  meta: Pick<ObjectMeta, 'annotations'>,
  spec: PodSpec,
  field: string,
): Iterable<FieldError> {
  const { annotations } = meta;
  if (!annotations) return;
  const ofPod = annotations[seccompPod];
  const podProfile = spec.securityContext?.seccompProfile;
  if (ofPod !== undefined && podProfile) {
    const path = `${field}.securityContext.seccompProfile`;
    yield* match(ofPod, podProfile, path, 'seccomp');
  }
  for (const [container, path] of eachContainer(spec, field)) {
    const annotation = annotations[seccompPrefix + container.name];
    const profile = container.securityContext?.seccompProfile;
    if (annotation === undefined || !profile) continue;
    yield* match(annotation, profile, `${path}.securityContext.seccompProfile`, 'seccomp');
  }
  if (spec.os?.name === 'windows') return;
  for (const [container, path] of eachContainer(spec, field)) {
    const annotation = annotations[appArmorPrefix + container.name];
    const profile =
      container.securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
    if (annotation === undefined || !profile) continue;
    yield* match(annotation, profile, `${path}.securityContext.appArmorProfile`, 'apparmor');
  }
}

function* match(
  annotation: string,
  profile: { readonly type: string; readonly localhostProfile?: string },
  field: string,
  what: 'apparmor' | 'seccomp',
): Iterable<FieldError> {
  const { type, localhostProfile } = profile;
  const differs = `${what} type in annotation and field must match`;
  if (type === 'Unconfined') {
    if (annotation !== 'unconfined') yield forbiddenValue(`${field}.type`, differs);
  } else if (type === 'RuntimeDefault') {
    const isDocker = what === 'seccomp' && annotation === 'docker/default';
    if (annotation !== 'runtime/default' && !isDocker) {
      yield forbiddenValue(`${field}.type`, differs);
    }
  } else if (type === 'Localhost') {
    if (!annotation.startsWith('localhost/')) yield forbiddenValue(`${field}.type`, differs);
    else if (annotation.slice('localhost/'.length) !== localhostProfile) {
      yield forbiddenValue(
        `${field}.localhostProfile`,
        `${what} profile in annotation and field must match`,
      );
    }
  }
}

/** Mirror pods and AppArmor annotations stay as they were made. */
export function* validateAnnotationChanges(
  annotations: Annotations = {},
  old: Annotations = {},
  field: string,
): Iterable<FieldError> {
  for (const key of Object.keys(old)) {
    if (annotations[key] === old[key]) continue;
    if (key.startsWith(appArmorPrefix)) {
      yield forbiddenValue(`${field}[${key}]`, 'may not remove or update AppArmor annotations');
    }
    if (key === mirrorAnnotation) {
      yield forbiddenValue(`${field}[${key}]`, 'may not remove or update mirror pod annotation');
    }
  }
  for (const key of Object.keys(annotations)) {
    if (old[key] !== undefined) continue;
    if (key.startsWith(appArmorPrefix)) {
      yield forbiddenValue(`${field}[${key}]`, 'may not add AppArmor annotations');
    }
    if (key === mirrorAnnotation) {
      yield forbiddenValue(`${field}[${key}]`, 'may not add mirror pod annotation');
    }
  }
}
