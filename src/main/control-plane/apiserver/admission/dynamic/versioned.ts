import {
  convertTo,
  kindOf,
  resourceOf,
  type GroupVersionKind,
  type GroupVersionResource,
} from '#main/control-plane/apiserver/admission/dynamic/kinds.ts';
import type { Match } from '#main/control-plane/apiserver/admission/dynamic/matching.ts';
import type {
  AdmissionContext,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** A request as a webhook or a policy sees it: in the version that it asked for. */
export interface VersionedRequest {
  readonly request: AdmissionRequest;
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  readonly object: KubeObject | undefined;
  readonly oldObject: KubeObject | undefined;
  readonly options: unknown;
}

export async function versionedRequest(
  request: AdmissionRequest,
  { served, resource }: Match,
  { catalog }: AdmissionContext,
): Promise<VersionedRequest> {
  const { subresource, operation, options } = request;
  const own = catalog.of(request.resource);
  const kind = kindOf(resource, subresource);
  // A subresource with a kind of its own has it in all versions.
  const convert = async (object: KubeObject | undefined): Promise<KubeObject | undefined> =>
    object && own && served && own !== served && object.kind === resource.kind
      ? convertTo(own, served, object)
      : object;
  const isConnect = operation === 'CONNECT';
  return {
    request,
    kind,
    resource: resourceOf(resource),
    object: isConnect ? (options as KubeObject) : await convert(request.object),
    oldObject: await convert(request.oldObject),
    options: isConnect ? undefined : options,
  };
}
