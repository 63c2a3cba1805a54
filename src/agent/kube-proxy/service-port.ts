import type { Service } from '#shared/api/types/core-v1.ts';
import { isIpv6 } from '#shared/kube/ip.ts';
import { keyOf } from '#shared/kube/object.ts';

/** One port of one service, with all that decides how its traffic goes. IPv4 only. */
export interface ServicePort {
  /** `namespace/name` of the service. */
  readonly service: string;
  readonly name: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
  readonly clusterIp: string;
  readonly nodePort: number | undefined;
  readonly externalIps: readonly string[];
  readonly loadBalancerIps: readonly string[];
  /** Who may use the load balancer's addresses; empty means everybody. */
  readonly sourceRanges: readonly string[];
  /** How long a client stays with its endpoint; absent without session affinity. */
  readonly affinitySeconds: number | undefined;
  readonly isInternalLocal: boolean;
  readonly isExternalLocal: boolean;
}

/** Another proxy takes care of services with this label. */
const otherProxyLabel = 'service.kubernetes.io/service-proxy-name';
const defaultAffinitySeconds = 10_800;

/** The ports that this proxy serves: none of headless, external or elsewhere proxied services. */
export function servicePortsOf(service: Service): readonly ServicePort[] {
  const { metadata, spec } = service;
  const clusterIp = clusterIpOf(service);
  if (!clusterIp) return [];
  const { sessionAffinity, sessionAffinityConfig } = spec;
  const shared = {
    service: keyOf(metadata),
    clusterIp,
    externalIps: (spec.externalIPs ?? []).filter(isIpv4),
    loadBalancerIps: loadBalancerIpsOf(service),
    sourceRanges: (spec.loadBalancerSourceRanges ?? []).map((range) => range.trim()).filter(isIpv4),
    affinitySeconds:
      sessionAffinity === 'ClientIP'
        ? (sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
        : undefined,
    isInternalLocal: spec.internalTrafficPolicy === 'Local',
    isExternalLocal: isExternallyReachable(service) && spec.externalTrafficPolicy === 'Local',
  };
  return (spec.ports ?? []).map(({ name = '', protocol = 'TCP', port, nodePort }) => ({
    ...shared,
    name,
    protocol: protocol.toLowerCase() as ServicePort['protocol'],
    port,
    nodePort: nodePort || undefined,
  }));
}

/** Whether a load balancer asks each node how many endpoints it has. */
export function healthCheckPortOf({ spec }: Service): number | undefined {
  const isAsked = spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
  return (isAsked && spec.healthCheckNodePort) || undefined;
}

function clusterIpOf({ metadata, spec }: Service): string | undefined {
  if (metadata.labels?.[otherProxyLabel] !== undefined || spec.type === 'ExternalName')
    return undefined;
  const addresses = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ''];
  return addresses.find((address) => address !== '' && address !== 'None' && isIpv4(address));
}

function isExternallyReachable({ spec }: Service): boolean {
  return (
    spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.externalIPs ?? []).length > 0
  );
}

/** Those that this node itself leads on: what a balancer of mode Proxy sends comes by node ports. */
function loadBalancerIpsOf({ spec, status }: Service): readonly string[] {
  if (spec.type !== 'LoadBalancer') return [];
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode = 'VIP' }) =>
    ip && ipMode === 'VIP' && isIpv4(ip) ? ip : [],
  );
}

function isIpv4(address: string): boolean {
  return !isIpv6(address.split('/')[0]!);
}
