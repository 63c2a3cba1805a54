import type { Duplex } from 'node:stream';
import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import {
  connectorOf,
  containerOf,
  podOf,
} from '#main/control-plane/apiserver/registry/pod/place.ts';
import { methodNotAllowed } from '#main/control-plane/apiserver/registry/storage-of.ts';
import { isTrue } from '#main/control-plane/apiserver/request/request-info.ts';
import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';
import { callOver } from '#main/control-plane/apiserver/streaming/http-call.ts';
import { passBack } from '#main/control-plane/apiserver/streaming/splice.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface Connection {
  readonly socket: Duplex;
  readonly head: Uint8Array;
  readonly method: string;
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
  { socket, head, method, headers }: Connection,
): Promise<void> {
  const { served, subresource, verb } = request;
  const kind = optionKinds[subresource];
  if (!kind || served.resource.plural !== 'pods') throw methodNotAllowed(served.resource, verb);
  const { node, path } = kubeletPath(request);
  await admitConnection(core, request, kind);
  const connection = await connectorOf(core, node).dialKubelet(node);
  const passed = Object.entries(headers).filter(([each]) => !ownHeaders.has(each));
  const answer = await callOver(connection, {
    method,
    path,
    headers: { ...Object.fromEntries(passed), host: node },
  });
  if (answer.code < 400 && answer.code !== 101) {
    throw new ApiError(
      'InternalError',
      `Internal error occurred: invalid upgrade response: status code ${answer.code}`,
    );
  }
  if (head.length > 0) socket.unshift(head);
  passBack(socket, answer);
}

async function admitConnection(core: Core, request: ResourceRequest, kind: string): Promise<void> {
  const { served, subresource, namespace, name, user, query, warn } = request;
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
}

/** The API's names of the streams and the kubelet's. */
const streams = [
  ['stdin', 'input'],
  ['stdout', 'output'],
  ['stderr', 'error'],
  ['tty', 'tty'],
] as const;

/** Where a terminal, an attachment or a forwarded port is on the pod's kubelet. */
function kubeletPath(request: ResourceRequest): { readonly node: string; readonly path: string } {
  const { subresource, search } = request;
  const pod = podOf(request);
  const { namespace = '', name } = pod.metadata;
  const given = new URLSearchParams(search);
  const parameters = new URLSearchParams();
  const node = pod.spec.nodeName ?? '';
  const unplaced = (): ApiError =>
    new ApiError('BadRequest', `pod ${name} does not have a host assigned`);
  if (subresource === 'portforward') {
    if (!node) throw unplaced();
    for (const port of given.getAll('ports')) parameters.append('port', port);
    const more = parameters.size > 0 ? `?${parameters}` : '';
    return { node, path: `/portForward/${namespace}/${name}${more}` };
  }
  refuseCompleted(pod);
  const container = containerOf(pod, given.get('container') || undefined);
  if (!node) throw unplaced();
  for (const [stream, kubeletName] of streams) {
    if (isTrue(given.get(stream) ?? undefined)) parameters.set(kubeletName, '1');
  }
  for (const command of given.getAll('command')) parameters.append('command', command);
  return { node, path: `/${subresource}/${namespace}/${name}/${container}?${parameters}` };
}

function refuseCompleted({ status }: ReturnType<typeof podOf>): void {
  const phase = status?.phase;
  if (phase !== 'Succeeded' && phase !== 'Failed') return;
  throw new ApiError(
    'BadRequest',
    `cannot exec into a container in a completed pod; current phase is ${phase}`,
  );
}
