import type { Duplex } from 'node:stream';
import { admitConnection } from '#main/control-plane/apiserver/registry/connection-admission.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import {
  connectorOf,
  containerOf,
  podOf,
} from '#main/control-plane/apiserver/registry/pod/place.ts';
import {
  connectionOptions,
  streamsOf,
} from '#main/control-plane/apiserver/registry/pod/connection-options.ts';
import { methodNotAllowed } from '#main/control-plane/apiserver/registry/storage-of.ts';
import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';
import { negotiateChannels } from '#main/control-plane/apiserver/streaming/channels.ts';
import { callOver, type HttpAnswer } from '#main/control-plane/apiserver/streaming/http-call.ts';
import {
  beginCommand,
  refusalStatus,
  type StreamOptions,
} from '#main/control-plane/apiserver/streaming/remote-command.ts';
import { passBack } from '#main/control-plane/apiserver/streaming/splice.ts';
import { ChannelSocket } from '#main/control-plane/apiserver/streaming/translate.ts';
import { tunneledProtocols, tunnelSpdy } from '#main/control-plane/apiserver/streaming/tunnel.ts';
import {
  acceptWebSocket,
  isWebSocketRequest,
  offeredProtocols,
  type UpgradeRequest,
} from '#main/control-plane/apiserver/streaming/websocket.ts';
import { ApiError } from '#shared/kube/errors.ts';

const optionKinds: Readonly<Record<string, string>> = {
  exec: 'PodExecOptions',
  attach: 'PodAttachOptions',
  portforward: 'PodPortForwardOptions',
};

/** exec, attach and port-forward: decided here, admission included, and done by the kubelet. */
export async function connectPod(
  core: Core,
  request: ResourceRequest,
  client: UpgradeRequest,
): Promise<void> {
  const { served, subresource, verb } = request;
  const kind = optionKinds[subresource];
  if (!kind) throw methodNotAllowed(served.resource, verb);
  const { node, path } = kubeletPath(request);
  await admitConnection(core, request, { kind, ...connectionOptions(request) });
  const dial = (): Promise<Duplex> => connectorOf(core, node).dialKubelet(node);
  const target = { path, host: node };
  if (isWebSocketRequest(client.request)) {
    if (subresource !== 'portforward') return speakInChannels(client, { dial, target, request });
    if (tunneledProtocols(client).length > 0) {
      const refusal = await tunnelSpdy(client, await dial(), target);
      if (refusal) refuse(client, refusal);
      return;
    }
  }
  await passThrough(client, await dial(), target);
}

interface Target {
  readonly path: string;
  readonly host: string;
}

interface Channeled {
  readonly dial: () => Promise<Duplex>;
  readonly target: Target;
  readonly request: ResourceRequest;
}

/**
 * A terminal over a WebSocket is a command over SPDY to the kubelet. Clients of v5 are told in the
 * error channel that it cannot begin, others in place of the handshake.
 */
async function speakInChannels(
  client: UpgradeRequest,
  { dial, target, request }: Channeled,
): Promise<void> {
  const protocol = negotiateChannels(offeredProtocols(client.request));
  const accept = async (): Promise<ChannelSocket> =>
    new ChannelSocket(await acceptWebSocket(client, protocol.name || undefined), protocol);
  const options = streamsOf(request);
  if (!protocol.canCloseInput) {
    const begun = await beginCommand(await dial(), target, options);
    if ('refusal' in begun) refuse(client, begun.refusal);
    else await (await accept()).carry(begun);
    return;
  }
  const channels = await accept();
  try {
    const begun = await beginCommand(await dial(), target, options);
    if ('refusal' in begun) await channels.finish(await refusalStatus(begun));
    else await channels.carry(begun);
  } catch (error) {
    const message = `Internal error occurred: ${error instanceof Error ? error.message : String(error)}`;
    await channels.finish(new ApiError('InternalError', message, { cause: error }).toStatus());
  }
}

/** Headers that speak of this connection and its caller, and not of the next one. */
const ownHeaders = new Set(['authorization', 'host', 'content-length']);

/** SPDY, and what the kubelet speaks by itself: its answer is the client's. */
async function passThrough(
  { request, socket, head }: UpgradeRequest,
  connection: Duplex,
  { path, host }: Target,
): Promise<void> {
  const passed = Object.entries(request.headersDistinct).filter(([name]) => !ownHeaders.has(name));
  const answer = await callOver(connection, {
    method: request.method ?? 'GET',
    path,
    headers: { ...(Object.fromEntries(passed) as Record<string, string[]>), host },
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

function refuse({ socket }: UpgradeRequest, refusal: HttpAnswer): void {
  passBack(socket, refusal);
}

/** The API's names of the streams and the kubelet's. */
const kubeletNames = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' } as const;

/** Where a terminal, an attachment or a forwarded port is on the pod's kubelet. */
function kubeletPath(request: ResourceRequest): { readonly node: string; readonly path: string } {
  const { subresource, search } = request;
  const pod = podOf(request);
  const { namespace = '', name } = pod.metadata;
  const given = new URLSearchParams(search);
  const isForward = subresource === 'portforward';
  const container = isForward ? '' : containerOf(pod, given.get('container') || undefined);
  const node = pod.spec.nodeName;
  if (!node) throw new ApiError('BadRequest', `pod ${name} does not have a host assigned`);
  const parameters = new URLSearchParams();
  if (isForward) {
    const ports = given.getAll('ports');
    if (ports.length > 0) parameters.set('port', ports.join(','));
    const more = parameters.size > 0 ? `?${parameters}` : '';
    return { node, path: `/portForward/${namespace}/${name}${more}` };
  }
  const streams = streamsOf(request);
  for (const [stream, kubeletName] of Object.entries(kubeletNames)) {
    if (streams[stream as keyof StreamOptions]) parameters.set(kubeletName, '1');
  }
  for (const command of given.getAll('command')) parameters.append('command', command);
  return { node, path: `/${subresource}/${namespace}/${name}/${container}?${parameters}` };
}
