import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import type { Gate } from '#main/control-plane/apiserver/gate.ts';
import type { Exchange } from '#main/control-plane/apiserver/http/exchange.ts';
import {
  bodylessRequest,
  type Resolved,
} from '#main/control-plane/apiserver/http/resource-request.ts';
import { forward, forwardUpgrade } from '#main/control-plane/apiserver/proxy/forward.ts';
import { locate, type Location } from '#main/control-plane/apiserver/proxy/location.ts';
import { admitConnection } from '#main/control-plane/apiserver/registry/connection-admission.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { connectPod } from '#main/control-plane/apiserver/registry/pod/connect.ts';
import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';
import type { UpgradeRequest } from '#main/control-plane/apiserver/streaming/websocket.ts';
import { ApiError } from '#shared/kube/errors.ts';

const handedOver: Readonly<Record<string, readonly string[]>> = {
  nodes: ['proxy'],
  services: ['proxy'],
  pods: ['proxy', 'exec', 'attach', 'portforward'],
};

/** Whether the subresource is not an object but whatever somebody else answers. */
export function isHandedOver({ resource }: ServedResource, subresource: string): boolean {
  const { group, plural } = resource;
  return group === '' && (handedOver[plural]?.includes(subresource) ?? false);
}

export interface HandOver {
  readonly client: UpgradeRequest;
  readonly exchange: Exchange;
  readonly resolved: Resolved;
}

/** Hands an authorized client's connection to who speaks with it from now on. */
export async function handOver(
  { core, gate }: { readonly core: Core; readonly gate: Gate },
  { client, exchange, resolved }: HandOver,
): Promise<void> {
  const { info, user } = resolved;
  const request = placedRequest(exchange, resolved);
  if (info.subresource === 'proxy') {
    const location = await admittedLocation(core, request, exchange);
    return forwardUpgrade(client, location, { rest: request.rest, exchange });
  }
  // A terminal changes things, though a WebSocket begins with a GET.
  if (exchange.method === 'GET') {
    await gate.authorize(user, { ...info, verb: 'create' }, exchange.query);
  }
  return connectPod(core, request, client);
}

/** Sends a request on to a node, a pod or a service, and answers what comes back. */
export async function proxy(core: Core, exchange: Exchange, resolved: Resolved): Promise<number> {
  const request = placedRequest(exchange, resolved);
  const location = await admittedLocation(core, request, exchange);
  return forward(exchange, location, request.rest);
}

async function admittedLocation(
  core: Core,
  request: ResourceRequest,
  { path }: Exchange,
): Promise<Location> {
  const { kind } = request.served.resource;
  const target =
    request.rest.join('/') + (path.endsWith('/') && request.rest.length > 0 ? '/' : '');
  await admitConnection(core, request, { kind: `${kind}ProxyOptions`, path: target });
  return locate(core, request);
}

function placedRequest(exchange: Exchange, resolved: Resolved): ResourceRequest {
  const { info, served } = resolved;
  if (served.resource.scope === 'Cluster' || info.namespace)
    return bodylessRequest(exchange, resolved);
  throw pageNotFound();
}

/** There is nothing at that path. */
export function pageNotFound(): ApiError {
  return new ApiError('NotFound', 'the server could not find the requested resource', {
    details: {},
  });
}
