import type { Service } from '#shared/api/types/core-v1.ts';
import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import { formatIp, isIpv6, parseIp } from '#shared/kube/ip.ts';

/** Where names are looked up; every read is of what was seen last. */
export interface ClusterView {
  /** `namespace/name` of a service. */
  service(key: string): Service | undefined;
  slices(serviceKey: string): Iterable<EndpointSlice>;
  hasNamespace(name: string): boolean;
  /** The services that have this ClusterIP. */
  servicesAt(ip: string): Iterable<Service>;
  /** The slices with an endpoint of this address. */
  slicesAt(ip: string): Iterable<EndpointSlice>;
}

/** One address behind a name, and the port that SRV records tell; absent where there is none. */
export interface Place {
  /** The name that SRV records point at. */
  readonly target: string;
  readonly ip: string;
  readonly port: number | undefined;
}

/** What a name stands for; nothing at all means that there is no such name. */
export type Found = { readonly places: readonly Place[] } | { readonly alias: string } | undefined;

export interface NameContext {
  readonly view: ClusterView;
  /** The cluster's domain. */
  readonly zone: string;
  /** Where this server itself is asked. */
  readonly serverIp: string;
}

const exists: Found = { places: [] };

/**
 * What the labels before the cluster's domain name, by Kubernetes' DNS specification: services,
 * their ports and endpoints, and pods by their address with dashes.
 */
export function find(labels: readonly string[], context: NameContext): Found {
  const kind = labels.at(-1);
  const rest = labels.slice(0, -1);
  if (kind === undefined) return exists;
  if (kind === 'svc') return rest.length === 0 ? exists : findService(rest, context);
  if (kind === 'pod') return rest.length === 0 ? exists : findPod(rest, context);
  const { serverIp, zone } = context;
  if (kind === 'dns' && rest.length === 1 && rest[0] === 'ns') {
    return { places: [{ target: `ns.dns.${zone}`, ip: serverIp, port: undefined }] };
  }
  return kind === 'dns-version' && rest.length === 0 ? exists : undefined;
}

/** The names of whoever has the address: services first, then endpoints of services. */
export function namesOf(ip: string, { view, zone }: NameContext): readonly string[] {
  const services = [...view.servicesAt(ip)].map(
    ({ metadata }) => `${metadata.name}.${metadata.namespace}.svc.${zone}`,
  );
  if (services.length > 0) return services;
  const names = [...view.slicesAt(ip)].flatMap((slice) => {
    const service = slice.metadata.labels?.['kubernetes.io/service-name'] ?? '';
    return readyAddresses(slice)
      .filter((endpoint) => endpoint.ip === ip)
      .map(({ name }) => `${name}.${service}.${slice.metadata.namespace}.svc.${zone}`);
  });
  return [...new Set(names)];
}

/** Which port of a service is asked for, or which endpoint; nothing means all. */
interface Wanted {
  readonly endpoint?: string;
  readonly port?: string;
  readonly protocol?: string;
}

function findService(labels: readonly string[], context: NameContext): Found {
  const { view, zone } = context;
  const namespace = labels.at(-1)!;
  const name = labels.at(-2);
  if (name === undefined) return view.hasNamespace(namespace) ? exists : undefined;
  const wanted = wantedOf(labels.slice(0, -2));
  const key = `${namespace}/${name}`;
  const service = view.service(key);
  if (!service || !wanted) return undefined;
  const domain = `${name}.${namespace}.svc.${zone}`;
  const { type, externalName, clusterIP } = service.spec;
  if (type === 'ExternalName') {
    const isAlias = externalName && wanted.endpoint === undefined && !parseIp(externalName);
    return isAlias ? { alias: externalName.toLowerCase().replace(/\.$/, '') } : undefined;
  }
  const places =
    clusterIP === 'None' || wanted.endpoint !== undefined
      ? endpointPlaces(view.slices(key), wanted, domain)
      : servicePlaces(service, wanted, domain);
  return places.length > 0 ? { places } : undefined;
}

/** One label is an endpoint, two are a port's name and protocol, more are nobody's. */
function wantedOf(labels: readonly string[]): Wanted | undefined {
  const [first = '', second = ''] = labels.map((label) => label.replace(/^_/, ''));
  if (labels.length === 0) return {};
  if (labels.length === 1) return { endpoint: labels[0]! };
  return labels.length === 2 ? { port: first, protocol: second } : undefined;
}

function servicePlaces({ spec }: Service, wanted: Wanted, target: string): readonly Place[] {
  const ips = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ''];
  return (spec.ports ?? [])
    .filter((port) => isWanted(port, wanted))
    .flatMap(({ port }) => ips.filter((ip) => ip !== '').map((ip) => ({ target, ip, port })));
}

function endpointPlaces(
  slices: Iterable<EndpointSlice>,
  wanted: Wanted,
  domain: string,
): readonly Place[] {
  return [...slices].flatMap((slice) => {
    // A headless service may have no ports: its endpoints have addresses all the same.
    const ports = slice.ports?.length ? slice.ports : [{}];
    const matching = ports.filter((port) => isWanted(port, wanted));
    return readyAddresses(slice)
      .filter(({ name }) => wanted.endpoint === undefined || name === wanted.endpoint)
      .flatMap(({ name, ip }) =>
        matching.map(({ port }) => ({ target: `${name}.${domain}`, ip, port })),
      );
  });
}

function isWanted(
  port: { readonly name?: string; readonly protocol?: string },
  wanted: Wanted,
): boolean {
  const isSame = (own = '', asked = ''): boolean => asked === '' || own.toLowerCase() === asked;
  return isSame(port.name, wanted.port) && isSame(port.protocol ?? 'tcp', wanted.protocol);
}

/** The endpoints that may be asked, each by its host name or its address with dashes. */
function readyAddresses({ endpoints }: EndpointSlice): readonly { name: string; ip: string }[] {
  return (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready ?? true)
    .flatMap(({ addresses, hostname }) =>
      addresses.map((ip) => ({
        ip,
        name: hostname?.toLowerCase() || ip.replaceAll(isIpv6(ip) ? ':' : '.', '-'),
      })),
    );
}

/** Any address is some pod's, as long as the namespace is there: CoreDNS' `pods insecure`. */
function findPod(labels: readonly string[], { view, zone }: NameContext): Found {
  const [first, second, ...more] = labels.toReversed();
  if (first === undefined || !view.hasNamespace(first) || more.length > 0) return undefined;
  if (second === undefined) return exists;
  const parsed = parseIp(second.replaceAll('-', '.')) ?? parseIp(second.replaceAll('-', ':'));
  if (!parsed) return undefined;
  const target = `${second}.${first}.pod.${zone}`;
  return { places: [{ target, ip: formatIp(parsed), port: undefined }] };
}
