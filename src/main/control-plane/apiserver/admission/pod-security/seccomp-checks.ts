import {
  containersNamed,
  containersOf,
  distinct,
  namesOf,
  plural,
  quoted,
  setters,
  type AnyContainer,
  type CheckPod,
} from '#main/control-plane/apiserver/admission/pod-security/check.ts';
import type { PodSpec } from '#shared/api/types/core-v1.ts';

const podAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
const containerAnnotation = 'container.seccomp.security.alpha.kubernetes.io/';

/** As it was said before there were fields for it. */
export const checkSeccompAnnotations: CheckPod = ({ annotations, spec }) => {
  const keys = [podAnnotation, ...containersOf(spec).map(({ name }) => containerAnnotation + name)];
  const forbidden = distinct(
    keys.flatMap((key) => {
      const value = annotations[key];
      const isBad = value !== undefined && !isAllowed(value);
      return isBad ? [`${key}=${JSON.stringify(value)}`] : [];
    }),
  );
  if (forbidden.length === 0) return undefined;
  const what = plural('annotation', 'annotations', forbidden.length);
  return { reason: 'seccompProfile', detail: `forbidden ${what} ${forbidden.join(', ')}` };
};

function isAllowed(value: string): boolean {
  return (
    value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/')
  );
}

function isBadType(type: string | undefined): type is string {
  return type !== undefined && type !== 'Localhost' && type !== 'RuntimeDefault';
}

function podType({ securityContext }: PodSpec): string | undefined {
  return securityContext?.seccompProfile?.type;
}

function typeOf({ securityContext }: AnyContainer): string | undefined {
  return securityContext?.seccompProfile?.type;
}

/** A profile that is set must confine. */
export const checkSeccompValues: CheckPod = ({ spec }) => {
  const containers = namesOf(spec, (container) => isBadType(typeOf(container)));
  const isPod = isBadType(podType(spec));
  if (!isPod && containers.length === 0) return undefined;
  const types = distinct([podType(spec), ...containersOf(spec).map(typeOf)].filter(isBadType));
  return {
    reason: 'seccompProfile',
    detail: `${setters(isPod, containers)} must not set securityContext.seccompProfile.type to ${quoted(types)}`,
  };
};

/** A profile that confines must be set. */
export const checkSeccompRestricted: CheckPod = (pod) => {
  const bad = checkSeccompValues(pod);
  if (bad) return bad;
  if (podType(pod.spec) !== undefined) return undefined;
  const containers = namesOf(pod.spec, (container) => typeOf(container) === undefined);
  if (containers.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `pod or ${containersNamed(containers)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};
