import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

/** What the request brings, for a plugin that has seen by the resource what it is. */
export function objectOf<T extends KubeObject>(
  { object }: AdmissionRequest,
  _resource: Resource<T>,
): T {
  return object as KubeObject as T;
}

/** The same, to be changed. */
export function draftOf<T extends KubeObject>(
  { object }: AdmissionRequest,
  _resource: Resource<T>,
): Draft<T> {
  return object as unknown as Draft<T>;
}

/** What is stored. */
export function oldObjectOf<T extends KubeObject>(
  { oldObject }: AdmissionRequest,
  _resource: Resource<T>,
): T {
  return oldObject as T;
}
