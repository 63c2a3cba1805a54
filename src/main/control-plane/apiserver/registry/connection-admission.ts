import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';

/** Asks admission whether a connection may be made; `options` say what it is to be. */
export async function admitConnection(
  core: Core,
  request: ResourceRequest,
  options: { readonly kind: string } & Readonly<Record<string, unknown>>,
): Promise<void> {
  const { served, subresource, namespace, name, user, warn } = request;
  const admission: AdmissionRequest = {
    operation: 'CONNECT',
    resource: served.resource,
    subresource,
    namespace,
    name,
    user,
    dryRun: false,
    object: undefined,
    oldObject: undefined,
    options: { apiVersion: 'v1', ...options },
    warn,
  };
  await core.admission.admit(admission);
  await core.admission.validate(admission);
}
