import type { NodeView } from '#agent/kube-proxy/proxied-service.ts';
import type { ProxyView } from '#agent/kube-proxy/proxy.ts';
import { podRangeOf } from '#agent/network/node-ranges.ts';
import type { AgentSettings, WatchingParts } from '#agent/settings.ts';
import { endpointSlices, nodes, services } from '#agent/api/resources.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import { isIpv6, parseIp } from '#shared/kube/ip.ts';
import { keyOf } from '#shared/kube/object.ts';

const zoneLabel = 'topology.kubernetes.io/zone';
const apiService = 'default/kubernetes';
const serviceLabel = 'kubernetes.io/service-name';

/** Who hears of changes. Nothing is told before everything has been seen once. */
export interface ServiceWatcher {
  /** A service or an endpoint slice of it. */
  serviceChanged(key: string): void;
  nodeChanged(node: Node | undefined, isViewChanged: boolean): void;
}

export interface WatchedServices extends ProxyView {
  /** Resolves once all has been seen: half of it would take working services away. */
  readonly synced: Promise<unknown>;
  subscribe(watcher: ServiceWatcher): Disposable;
}

/** What the proxy reads: services, their endpoint slices, this node. */
export function watchServices({
  settings,
  informers: shared,
}: Pick<WatchingParts, 'settings' | 'informers'>): WatchedServices {
  const { nodeName } = settings;
  const serviceInformer = shared.of(services);
  const sliceInformer = shared.of(endpointSlices);
  const nodeInformer = shared.of(nodes);
  sliceInformer.addIndex('service', (slice) => [serviceKeyOf(slice)]);
  const api = apiSlices(settings);
  const informers = [serviceInformer, sliceInformer, nodeInformer];
  return {
    synced: Promise.all(informers.map(({ synced }) => synced)),
    service: (key) => serviceInformer.get(key),
    slices: (key) => (key === apiService && api) || [...sliceInformer.by('service', key)],
    services: () => [...serviceInformer.values()].map(({ metadata }) => keyOf(metadata)),
    node: () => viewOf(nodeName, nodeInformer.get(nodeName)),
    subscribe(watcher) {
      const subscriptions = new DisposableStack();
      subscriptions.use(
        serviceInformer.subscribe(({ before, after }) =>
          watcher.serviceChanged(keyOf((after ?? before)!.metadata)),
        ),
      );
      subscriptions.use(
        sliceInformer.subscribe(({ before, after }) => {
          for (const slice of [before, after])
            if (slice) watcher.serviceChanged(serviceKeyOf(slice));
        }),
      );
      subscriptions.use(
        nodeInformer.subscribe(({ before, after }) => {
          if ((after ?? before)?.metadata.name !== nodeName) return;
          const [was, is] = [viewOf(nodeName, before), viewOf(nodeName, after)];
          watcher.nodeChanged(after, was.zone !== is.zone || was.podRange !== is.podRange);
        }),
      );
      return subscriptions;
    },
  };
}

/** The API server publishes its address as it knows it itself: pods go there by this node's own way. */
function apiSlices({
  server: { host, port },
}: Pick<AgentSettings, 'server'>): readonly EndpointSlice[] | undefined {
  if (!parseIp(host) || isIpv6(host)) return undefined;
  const metadata = { name: 'kubernetes', namespace: 'default' } as EndpointSlice['metadata'];
  return [
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata,
      addressType: 'IPv4',
      endpoints: [{ addresses: [host], conditions: { ready: true } }],
      ports: [{ name: 'https', port, protocol: 'TCP' }],
    },
  ];
}

function serviceKeyOf({ metadata }: EndpointSlice): string {
  return `${metadata.namespace ?? ''}/${metadata.labels?.[serviceLabel] ?? ''}`;
}

function viewOf(nodeName: string, node: Node | undefined): NodeView {
  return { nodeName, zone: node?.metadata.labels?.[zoneLabel], podRange: podRangeOf(node) };
}
