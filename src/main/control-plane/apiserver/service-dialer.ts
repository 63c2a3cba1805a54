import type { Duplex } from 'node:stream';
import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { dialTcp } from '#main/control-plane/apiserver/tcp.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { services } from '#shared/api/core/service.ts';
import type { ObjectReference, Service } from '#shared/api/types/core-v1.ts';
import type { DialOptions } from '#main/control-plane/node-dialer.ts';
import type { Clock } from '#shared/base/clock.ts';
import { ApiError, notFound } from '#shared/kube/errors.ts';

export interface ServiceTarget {
  readonly namespace: string;
  readonly name: string;
  /** One of the service's own ports, not a pod's. */
  readonly port: number;
}

/** The way to what a service leads to; webhooks and aggregated APIs are behind services. */
export interface ServiceDialer {
  /** A byte stream to a ready endpoint. Throws `NotFound`, or `ServiceUnavailable` saying why. */
  dial(target: ServiceTarget, options?: DialOptions): Promise<Duplex>;
}

/** One address that a service leads to. */
export interface ServiceEndpoint {
  readonly host: string;
  readonly port: number;
  readonly node: string | undefined;
  readonly target: ObjectReference | undefined;
}

export interface ServiceDialerOptions {
  readonly objects: ObjectCache;
  /** Absent: only endpoints that this machine reaches by itself. */
  readonly nodes: NodeConnector | undefined;
  readonly clock: Clock;
}

/** How an endpoint is reached. */
type Way = Pick<ServiceDialerOptions, 'nodes' | 'clock'>;

export function createServiceDialer({ objects, ...way }: ServiceDialerOptions): ServiceDialer {
  return {
    async dial({ namespace, name, port }, options) {
      const service = objects.get(services, { namespace, name });
      if (!service) throw notFound(services, name);
      const portName = namedPort(service, port);
      const endpoints = [...readyEndpoints(objects, { namespace, name }, portName)];
      if (endpoints.length === 0) throw noEndpoints(name);
      return dialAny(endpoints, way, options);
    },
  };
}

/** The name of a service's port by its number. Throws `ServiceUnavailable` as upstream. */
export function namedPort({ metadata, spec }: Service, port: number): string {
  const found = spec?.ports?.find((each) => each.port === port);
  if (found) return found.name ?? '';
  throw new ApiError(
    'ServiceUnavailable',
    `no service port ${port} found for service ${JSON.stringify(metadata.name)}`,
  );
}

export function noEndpoints(id: string): ApiError {
  return new ApiError(
    'ServiceUnavailable',
    `no endpoints available for service ${JSON.stringify(id)}`,
  );
}

/** Every address behind the service that is ready and has a port of that name. */
export function* readyEndpoints(
  objects: ObjectCache,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  portName: string,
): Iterable<ServiceEndpoint> {
  for (const slice of objects.list(endpointSlices, namespace)) {
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== name) continue;
    if (slice.addressType === 'FQDN') continue;
    const port = slice.ports?.find((each) => (each.name ?? '') === portName)?.port;
    if (port === undefined) continue;
    for (const { addresses, conditions, nodeName, targetRef } of slice.endpoints ?? []) {
      const [host] = addresses;
      if (host === undefined || conditions?.ready === false) continue;
      yield { host, port, node: nodeName, target: targetRef };
    }
  }
}

/** Begins anywhere and goes on to the next while there is one that can be reached. */
async function dialAny(
  endpoints: readonly ServiceEndpoint[],
  way: Way,
  options: DialOptions | undefined,
): Promise<Duplex> {
  const first = Math.floor(Math.random() * endpoints.length);
  let failure: unknown;
  for (let at = 0; at < endpoints.length; at++) {
    try {
      return await dialEndpoint(endpoints[(first + at) % endpoints.length]!, way, options);
    } catch (error) {
      options?.signal?.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

/** Through its node where it is on one, else directly. */
export function dialEndpoint(
  { host, port, node }: ServiceEndpoint,
  { nodes, clock }: Way,
  options?: DialOptions,
): Promise<Duplex> {
  return node && nodes
    ? nodes.dial(node, { host, port }, options)
    : dialTcp({ host, port }, { clock, ...options });
}
