import type { Service } from '#shared/api/types/core-v1.ts';
import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import type { HostName } from './lab.ts';

/** What was seen of upstream's kube-proxy, service by service: test/data/network/services.json. */
export interface Observed {
  readonly name: string;
  readonly service: Pick<Service, 'metadata' | 'spec'>;
  readonly status?: Service['status'];
  readonly also?: readonly unknown[];
  readonly seen: readonly Seen[];
}

export interface Seen {
  readonly from: string;
  readonly to: string;
  readonly r?: 'ok' | 'refused' | 'timeout' | 'no answer';
  readonly reached?: readonly string[];
  readonly src?: string;
  readonly status?: number;
  readonly headers?: readonly string[];
  readonly body?: string;
}

interface Backend {
  readonly on: HostName;
  readonly conditions: {
    readonly ready: boolean;
    readonly serving: boolean;
    readonly terminating: boolean;
  };
  readonly labels: readonly string[];
}

const ready = { ready: true, serving: true, terminating: false };
const notReady = { ready: false, serving: false, terminating: false };
const terminating = { ready: false, serving: true, terminating: true };

/** The pods behind the services, with the labels that the observed selectors name. */
export const backends: Readonly<Record<string, Backend>> = {
  a1: { on: 'h1', conditions: ready, labels: ['all=y', 'only=a1', 'loc=h1'] },
  a2: { on: 'h1', conditions: ready, labels: ['all=y', 'loc=h1'] },
  b1: { on: 'h2', conditions: ready, labels: ['all=y', 'mix=y', 'tmix=y'] },
  nr1: { on: 'h1', conditions: notReady, labels: ['nr=y', 'mix=y'] },
  t1: { on: 'h1', conditions: terminating, labels: ['term=y', 'tloc=y', 'tmix=y'] },
  h2: { on: 'h2', conditions: ready, labels: ['hn=y'] },
};

export const hostNetworkPort = 18_200;

export interface Played {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
}

/** The service as the API server would have it, and the slices that its controllers would make. */
export function played(
  { name, service, status, also }: Observed,
  index: number,
  addressOf: (backend: string) => string,
): Played {
  const { spec } = service;
  const isExternal = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  const ports = spec.ports!.map((port, at) => ({
    protocol: 'TCP',
    ...port,
    ...(isExternal && { nodePort: 30_000 + index * 10 + at }),
  }));
  const clusterIp = `10.96.1.${index + 1}`;
  const full = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...service.metadata, namespace: 'svc', name },
    spec: {
      ...spec,
      ports,
      clusterIP: clusterIp,
      clusterIPs: [clusterIp],
      ...(spec.type === 'LoadBalancer' &&
        spec.externalTrafficPolicy === 'Local' && { healthCheckNodePort: 31_000 + index }),
    },
    ...(status && { status }),
  } as unknown as Service;
  return { service: full, slices: [sliceOf(full, also !== undefined, addressOf)] };
}

function sliceOf(
  { metadata, spec }: Service,
  isByHand: boolean,
  addressOf: (backend: string) => string,
): EndpointSlice {
  const isSelected = ([, { labels }]: readonly [string, Backend]): boolean =>
    Object.entries(spec.selector ?? { none: '' }).every(([key, value]) =>
      labels.includes(`${key}=${value}`),
    );
  const behind = isByHand
    ? [{ addresses: [addressOf('b1')] }]
    : Object.entries(backends)
        .filter(isSelected)
        .map(([name, { on, conditions }]) => ({
          addresses: [addressOf(name)],
          conditions: spec.publishNotReadyAddresses ? { ...conditions, ready: true } : conditions,
          nodeName: on,
          ...(spec.trafficDistribution === 'PreferSameNode' && {
            hints: { forNodes: [{ name: on }] },
          }),
        }));
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: metadata.namespace,
      name: `${metadata.name}-1`,
      labels: { 'kubernetes.io/service-name': metadata.name },
    },
    addressType: 'IPv4',
    endpoints: behind,
    ports: spec.ports!.map(({ name = '', protocol, targetPort, port }) => ({
      name,
      protocol,
      port: targetPort === 'web' ? 8080 : (targetPort ?? port),
    })),
  } as unknown as EndpointSlice;
}
