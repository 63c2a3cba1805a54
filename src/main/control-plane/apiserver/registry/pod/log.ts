import type { Readable } from 'node:stream';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { kubeletLogQuery } from '#main/control-plane/apiserver/registry/pod/log-options.ts';
import {
  connectorOf,
  containerOf,
  podOf,
} from '#main/control-plane/apiserver/registry/pod/place.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import {
  callOver,
  isUpgraded,
  type HttpAnswer,
} from '#main/control-plane/apiserver/streaming/http-call.ts';
import { ApiError, type Reason } from '#shared/kube/errors.ts';

/** Streams a container's log from its node. */
export async function log(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const { query, signal } = request;
  const parameters = kubeletLogQuery(query, request.name);
  const pod = podOf(request);
  const container = containerOf(pod, query['container']);
  const { namespace = '', name } = pod.metadata;
  const { nodeName } = pod.spec;
  if (!nodeName) return { type: 'empty', code: 204 };
  const connection = await connectorOf(core, nodeName).dialKubelet(nodeName, { signal });
  const search = parameters.size > 0 ? `?${parameters}` : '';
  const answer = await callOver(connection, {
    method: 'GET',
    path: `/containerLogs/${namespace}/${name}/${container}${search}`,
    headers: { host: nodeName },
    signal,
  });
  if (isUpgraded(answer)) throw new Error('The kubelet answered a log with an upgrade');
  if (answer.code < 200 || answer.code > 206) throw await refusalOf(answer, name);
  return { type: 'stream', code: 200, contentType: 'text/plain', body: answer.body };
}

const mostReadBytes = 50_000;

const answers: Readonly<Record<number, readonly [reason: Reason, message: string]>> = {
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  403: ['Forbidden', 'the server does not allow access to the requested resource'],
  404: ['NotFound', 'the server could not find the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
};

/** What upstream makes of a kubelet's refusal. */
async function refusalOf({ code, body }: HttpAnswer, name: string): Promise<ApiError> {
  const text = await readText(body);
  if (code === 500) return new ApiError('InternalError', `Internal error occurred: ${text}`);
  if (code === 400) return new ApiError('BadRequest', text);
  const [reason, message] = answers[code] ?? [
    '',
    `the server responded with the status code ${code} but did not return more information`,
  ];
  return new ApiError(reason, `${message} ( pods/log ${name})`, {
    code,
    details: { name, kind: 'pods/log' },
  });
}

async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= mostReadBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, mostReadBytes).toString();
}
