import type { Namespace, Service } from '#shared/api/types/core-v1.ts';
import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';

/** One question to upstream's CoreDNS and what it answered: test/data/network/dns.json. */
export interface ObservedQuery {
  readonly q: string;
  readonly type: string;
  readonly rcode: string;
  readonly aa: boolean;
  readonly ra: boolean;
  readonly answer: readonly string[];
  readonly authority?: readonly string[];
  readonly additional?: readonly string[];
}

interface Port {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly targetPort?: number;
}

const pods = {
  p1: { ip: '10.244.1.31', isReady: true, hostname: 'alpha', subdomain: 'head' },
  p2: { ip: '10.244.1.32', isReady: true },
  n1: { ip: '10.244.2.33', isReady: false },
} satisfies Readonly<
  Record<string, { ip: string; isReady: boolean; hostname?: string; subdomain?: string }>
>;

type PodName = keyof typeof pods;

const http: Port = { name: 'http', port: 80, targetPort: 8080 };

/** The services that were asked about, as their answers and pointers show them. */
const made: readonly {
  readonly name: string;
  readonly namespace?: string;
  readonly clusterIP?: string;
  readonly ports: readonly Port[];
  readonly behind?: readonly PodName[];
  readonly externalName?: string;
  readonly publishNotReadyAddresses?: boolean;
}[] = [
  {
    name: 'plain',
    ports: [http, { name: 'dns', port: 53, protocol: 'UDP' }],
    behind: ['p1', 'p2'],
  },
  { name: 'unnamed', ports: [{ port: 80, targetPort: 8080 }], behind: ['p1', 'p2'] },
  { name: 'empty', ports: [{ port: 80 }] },
  { name: 'np', ports: [{ port: 8080 }], behind: ['p1', 'p2', 'n1'] },
  { name: 'head', clusterIP: 'None', ports: [http], behind: ['p1', 'p2', 'n1'] },
  { name: 'head-empty', clusterIP: 'None', ports: [{ port: 80 }] },
  {
    name: 'head-publish',
    clusterIP: 'None',
    ports: [{ port: 80 }],
    behind: ['n1'],
    publishNotReadyAddresses: true,
  },
  { name: 'head-noports', clusterIP: 'None', ports: [], behind: ['p1', 'p2'] },
  { name: 'ext', ports: [], externalName: 'target.example.com' },
  { name: 'ext-in', ports: [], externalName: 'plain.dns.svc.cluster.local' },
  {
    name: 'kubernetes',
    namespace: 'default',
    clusterIP: '10.96.0.1',
    ports: [{ name: 'https', port: 443, targetPort: 6443 }],
  },
  {
    name: 'kube-dns',
    namespace: 'kube-system',
    clusterIP: '10.96.0.10',
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53 },
    ],
  },
];

export interface NamedWorld {
  readonly namespaces: readonly Namespace[];
  readonly services: readonly Service[];
  readonly endpointslices: readonly EndpointSlice[];
}

export function namedWorld(): NamedWorld {
  return {
    namespaces: ['dns', 'default', 'kube-system'].map(
      (name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }) as Namespace,
    ),
    services: made.map(
      ({ name, namespace = 'dns', ports, externalName, ...spec }) =>
        ({
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { namespace, name },
          spec: externalName
            ? { type: 'ExternalName', externalName }
            : { ...spec, ports, clusterIP: ipOf(name), clusterIPs: [ipOf(name)] },
        }) as unknown as Service,
    ),
    endpointslices: made.flatMap(({ name, namespace = 'dns', ...service }) =>
      service.behind ? sliceOf(name, namespace, service) : [],
    ),
  };
}

/** The record with the marks that stand for addresses of where it was taken replaced by ours. */
export function unmasked(text: string): string {
  const ipOfMark = (name: string): string => (name in pods ? pods[name as PodName].ip : ipOf(name));
  return text.replaceAll(/\$(IP|DASHED|REV)_([a-z0-9-]+)/g, (_, kind: string, name: string) => {
    const ip = ipOfMark(name);
    if (kind === 'IP') return ip;
    return kind === 'DASHED' ? ip.replaceAll('.', '-') : ip.split('.').toReversed().join('.');
  });
}

function ipOf(service: string): string {
  const index = made.findIndex(({ name }) => name === service);
  return made[index]!.clusterIP ?? `10.96.3.${index + 1}`;
}

function sliceOf(
  name: string,
  namespace: string,
  { behind = [], ports, publishNotReadyAddresses = false }: Omit<(typeof made)[number], 'name'>,
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: `${name}-1`,
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: 'IPv4',
    endpoints: behind.map((podName) => {
      const pod: { ip: string; isReady: boolean; hostname?: string; subdomain?: string } =
        pods[podName];
      return {
        addresses: [pod.ip],
        conditions: { ready: pod.isReady || publishNotReadyAddresses },
        ...(pod.subdomain === name && { hostname: pod.hostname }),
      };
    }),
    ports: ports.map(({ name: port = '', protocol = 'TCP', targetPort, port: number }) => ({
      name: port,
      protocol,
      port: targetPort ?? number,
    })),
  } as unknown as EndpointSlice;
}
