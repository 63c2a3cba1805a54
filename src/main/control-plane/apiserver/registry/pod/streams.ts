import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { cacheOf } from '#main/control-plane/apiserver/registry/storage-of.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import type { Container, Pod } from '#shared/api/types/core-v1.ts';
import { ApiError, notFound } from '#shared/kube/errors.ts';

/** Parameters of a log that the kubelet takes by the same names. */
const logParameters = [
  'follow',
  'previous',
  'sinceSeconds',
  'sinceTime',
  'timestamps',
  'tailLines',
  'limitBytes',
  'stream',
];

/** Streams a container's log from its node. */
export async function log(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const { query, signal } = request;
  const pod = podOf(request);
  const container = containerOf(pod, query['container']);
  const { namespace = '', name } = pod.metadata;
  const { nodeName } = pod.spec;
  if (!nodeName) return { type: 'empty', code: 204 };
  const parameters = new URLSearchParams();
  for (const key of logParameters) {
    const value = query[key];
    if (value !== undefined) parameters.set(key, value);
  }
  const search = parameters.size > 0 ? `?${parameters}` : '';
  const { code, body } = await connectorOf(core, nodeName).request(nodeName, {
    method: 'GET',
    path: `/containerLogs/${namespace}/${name}/${container}${search}`,
    headers: {},
    ...(signal && { signal }),
  });
  if (code !== 200) throw await refusalOf(code, body, name);
  return { type: 'stream', code: 200, contentType: 'text/plain', body };
}

/** Where a terminal, an attachment or a forwarded port is on the pod's kubelet. */
export function kubeletPath(request: ResourceRequest): {
  readonly node: string;
  readonly path: string;
} {
  const { subresource, search } = request;
  const pod = podOf(request);
  const { namespace = '', name } = pod.metadata;
  const { nodeName } = pod.spec;
  if (!nodeName) throw new ApiError('BadRequest', `pod ${name} does not have a host assigned`);
  if (subresource === 'portforward') {
    return { node: nodeName, path: `/portForward/${namespace}/${name}` };
  }
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') {
    throw new ApiError(
      'BadRequest',
      `cannot exec into a container in a completed pod; current phase is ${pod.status.phase}`,
    );
  }
  const given = new URLSearchParams(search);
  const container = containerOf(pod, given.get('container') ?? undefined);
  const parameters = new URLSearchParams();
  for (const [name, kubeletName] of streams) {
    if (given.get(name) === 'true' || given.get(name) === '1') parameters.set(kubeletName, '1');
  }
  for (const command of given.getAll('command')) parameters.append('command', command);
  return {
    node: nodeName,
    path: `/${subresource}/${namespace}/${name}/${container}?${parameters}`,
  };
}

/** The API's names of the streams and the kubelet's. */
const streams = [
  ['stdin', 'input'],
  ['stdout', 'output'],
  ['stderr', 'error'],
  ['tty', 'tty'],
] as const;

export function connectorOf(core: Core, node: string): NodeConnector {
  if (core.nodes) return core.nodes;
  throw new ApiError('ServiceUnavailable', `there is no way from this server to node ${node}`);
}

function podOf({ served, namespace, name }: ResourceRequest): Pod {
  const entry = cacheOf(served).get(namespace, name);
  if (!entry) throw notFound(served.resource, name);
  return entry.object as Pod;
}

/** The container that is named, or the only one, or the one that an annotation makes the default. */
function containerOf({ metadata, spec }: Pod, wanted: string | undefined): string {
  const named = (containers: readonly Pick<Container, 'name'>[] | undefined): string[] =>
    (containers ?? []).map(({ name }) => name);
  const containers = named(spec.containers);
  const initContainers = named(spec.initContainers);
  const all = [...containers, ...initContainers, ...named(spec.ephemeralContainers)];
  if (wanted) {
    if (all.includes(wanted)) return wanted;
    throw new ApiError('BadRequest', `container ${wanted} is not valid for pod ${metadata.name}`);
  }
  const preferred = metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (preferred && all.includes(preferred)) return preferred;
  const [only] = containers;
  if (containers.length === 1 && only) return only;
  const choice = `a container name must be specified for pod ${metadata.name}, choose one of: [${containers.join(' ')}]`;
  const more =
    initContainers.length > 0
      ? ` or one of the init containers: [${initContainers.join(' ')}]`
      : '';
  throw new ApiError('BadRequest', choice + more);
}

/** The kubelet's own sentence, as upstream passes it on. */
async function refusalOf(
  code: number,
  body: AsyncIterable<Uint8Array>,
  name: string,
): Promise<ApiError> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const message = Buffer.concat(chunks).toString().trim();
  const reason = code === 404 ? 'NotFound' : code === 400 ? 'BadRequest' : 'InternalError';
  return new ApiError(reason, message || `the kubelet answered ${code}`, {
    code,
    details: { name, kind: 'pods' },
  });
}
