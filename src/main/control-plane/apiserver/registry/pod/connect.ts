import type { Duplex } from 'node:stream';
import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { connectorOf, kubeletPath } from '#main/control-plane/apiserver/registry/pod/streams.ts';
import { methodNotAllowed } from '#main/control-plane/apiserver/registry/storage-of.ts';
import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';

export interface Connection {
  readonly socket: Duplex;
  readonly head: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

const optionKinds: Readonly<Record<string, string>> = {
  exec: 'PodExecOptions',
  attach: 'PodAttachOptions',
  portforward: 'PodPortForwardOptions',
};

/** Headers that speak of this connection and its caller, and not of the next one. */
const ownHeaders = new Set(['authorization', 'host', 'content-length']);

/** exec, attach and port-forward: decided here, admission included, and done by the kubelet. */
export async function connectPod(
  core: Core,
  request: ResourceRequest,
  { socket, head, headers }: Connection,
): Promise<void> {
  const { served, subresource, namespace, name, user, query, verb, warn } = request;
  const kind = optionKinds[subresource];
  if (!kind || served.resource.plural !== 'pods') throw methodNotAllowed(served.resource, verb);
  const { node, path } = kubeletPath(request);
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
    options: { kind, apiVersion: 'v1', ...query },
    warn,
  };
  await core.admission.admit(admission);
  await core.admission.validate(admission);
  const passed = Object.entries(headers).filter(([each]) => !ownHeaders.has(each));
  await connectorOf(core, node).upgrade(node, {
    method: 'GET',
    path,
    headers: Object.fromEntries(passed),
    socket,
    head,
  });
}
