import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import { ApiError, type FieldError } from '#shared/kube/errors.ts';
import type { Resource } from '#shared/kube/resource.ts';

/** Names of objects without a name yet, as upstream's admission errors show them. */
function nameOf({ name, object }: AdmissionRequest): string {
  return name || object?.metadata?.name || object?.metadata?.generateName || 'Unknown';
}

/** 403 in the words of upstream's `admission.NewForbidden`. */
export function refuse(
  request: AdmissionRequest,
  why: string,
  causes: readonly FieldError[] = [],
): ApiError {
  const { group, plural } = request.resource;
  const name = nameOf(request);
  const what = group ? `${plural}.${group}` : plural;
  return new ApiError('Forbidden', `${what} ${JSON.stringify(name)} is forbidden: ${why}`, {
    causes,
    details: { name, ...(group && { group }), kind: plural },
  });
}

/** Several complaints as upstream's aggregate prints them. */
export function aggregate(complaints: readonly string[]): string {
  const distinct = [...new Set(complaints)];
  return distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`;
}

/** True for the kind that another resource value stands for. */
export function isSameKind(
  left: Pick<Resource, 'group' | 'plural'>,
  right: Pick<Resource, 'group' | 'plural'>,
): boolean {
  return left.plural === right.plural && left.group === right.group;
}
