import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { connectorOf } from '#main/control-plane/apiserver/registry/pod/place.ts';
import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';
import {
  dialEndpoint,
  namedPort,
  noEndpoints,
  readyEndpoints,
  type ServiceEndpoint,
} from '#main/control-plane/apiserver/service-dialer.ts';
import { hostPort } from '#main/control-plane/apiserver/tcp.ts';
import type { DialOptions, DialTarget } from '#main/control-plane/node-dialer.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import { services } from '#shared/api/core/service.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { ApiError, notFound } from '#shared/kube/errors.ts';

/** Where a proxied request goes. */
export interface Location {
  /** As a URL's host, with the port. */
  readonly host: string;
  dial(options?: DialOptions): Promise<Duplex>;
}

/** What a name in the path of a proxy consists of: `[scheme:]name[:port]`. */
interface Named {
  readonly scheme: string;
  readonly name: string;
  readonly port: string;
}

/** Finds out where a proxy subresource leads. Throws what upstream answers when it leads nowhere. */
export function locate(core: Core, request: ResourceRequest): Location {
  const { plural } = request.served.resource;
  const named = splitName(request.name);
  if (!named) {
    const what = plural.replace(/s$/, '');
    const message = `invalid ${what} request ${JSON.stringify(request.name)}`;
    throw new ApiError('BadRequest', message);
  }
  if (plural === 'nodes') return nodeLocation(core, named);
  if (plural === 'pods') return podLocation(core, request.namespace, named);
  return serviceLocation(core, request, named);
}

function splitName(id: string): Named | undefined {
  const parts = id.split(':');
  const [first = '', second = '', third = ''] = parts;
  if (parts.length === 3) {
    const isScheme = ['', 'http', 'https'].includes(first);
    return isScheme && second ? { scheme: first, name: second, port: third } : undefined;
  }
  if (parts.length > 3 || !first) return undefined;
  return { scheme: '', name: first, port: second };
}

function nodeLocation(core: Core, { scheme, name, port }: Named): Location {
  const node = core.cache.get(nodes, { name });
  if (!node) throw notFound(nodes, name);
  const kubeletPort = node.status?.daemonEndpoints?.kubeletEndpoint?.Port || 10_250;
  const addresses = node.status?.addresses ?? [];
  const host = addresses.find(({ type }) => type === 'InternalIP')?.address ?? name;
  const connector = connectorOf(core, name);
  if (port === '' || port === String(kubeletPort)) {
    return {
      host: hostPort({ host, port: kubeletPort }),
      dial: (options) => connector.dialKubelet(name, options),
    };
  }
  const target = { host, port: portNumber(port) };
  return encryptedIf(scheme === 'https', target, (options) =>
    connector.dial(name, target, options),
  );
}

function podLocation(core: Core, namespace: string, { scheme, name, port }: Named): Location {
  const pod = core.cache.get(pods, { namespace, name });
  if (!pod) throw notFound(pods, name);
  const host = pod.status?.podIP ?? '';
  if (!isReachableAddress(host)) throw new ApiError('BadRequest', 'address not allowed');
  const { nodeName = '' } = pod.spec;
  const target = { host, port: portNumber(port || firstPort(pod) || defaultPort(scheme)) };
  return encryptedIf(scheme === 'https', target, (options) =>
    dialEndpoint({ ...target, node: nodeName, target: undefined }, core, options),
  );
}

function firstPort({ spec }: Pod): string {
  for (const { ports } of spec.containers) {
    if (ports?.[0]) return String(ports[0].containerPort);
  }
  return '';
}

function defaultPort(scheme: string): string {
  return scheme === 'https' ? '443' : '80';
}

function serviceLocation(
  core: Core,
  { namespace, name: id }: ResourceRequest,
  { scheme, name, port }: Named,
): Location {
  const service = core.cache.get(services, { namespace, name });
  if (!service) throw notFound(services, name);
  const portName = /^\d+$/.test(port) ? namedPort(service, Number(port)) : port;
  const endpoints = [...readyEndpoints(core.cache, { namespace, name }, portName)];
  const usable = endpoints.filter((endpoint) => isBackedByPod(core, namespace, endpoint));
  if (usable.length === 0) throw noEndpoints(id);
  const chosen = usable[Math.floor(Math.random() * usable.length)]!;
  return encryptedIf(scheme === 'https', chosen, (options) => dialEndpoint(chosen, core, options));
}

/** An endpoint that anybody may write down leads nowhere unless a pod has that address. */
function isBackedByPod(core: Core, namespace: string, { host, target }: ServiceEndpoint): boolean {
  if (target?.kind !== 'Pod' || !target.name) return false;
  const pod = core.cache.get(pods, { namespace, name: target.name });
  return pod?.status?.podIPs?.some(({ ip }) => ip === host) ?? false;
}

/** Not this machine itself, nor its neighbours on one link, nor a group. */
function isReachableAddress(address: string): boolean {
  return (
    address !== '' && !/^(127\.|0\.|169\.254\.|22[4-9]\.|23\d\.|::1$|::$|fe80:|ff)/i.test(address)
  );
}

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new ApiError(
    'ServiceUnavailable',
    `error trying to reach service: dial tcp: lookup tcp/${text}: unknown port`,
  );
}

/** Pods' certificates are nobody's business here: upstream does not check them either. */
function encryptedIf(
  isEncrypted: boolean,
  target: DialTarget,
  dial: (options?: DialOptions) => Promise<Duplex>,
): Location {
  const host = hostPort(target);
  if (!isEncrypted) return { host, dial };
  return {
    host,
    async dial(options) {
      const socket = await dial(options);
      const secure = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
      const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
      secure.once('error', (cause) => {
        socket.destroy();
        reject(new ApiError('ServiceUnavailable', cause.message, { cause }));
      });
      secure.once('secureConnect', () => resolve(secure));
      return promise;
    },
  };
}
