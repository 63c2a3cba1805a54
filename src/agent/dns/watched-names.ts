import type { ClusterView } from '#agent/dns/cluster-names.ts';
import type { AgentParts } from '#agent/settings.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { services } from '#shared/api/core/service.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { Informer } from '#shared/client/informer.ts';

export interface WatchedNames extends ClusterView, AsyncDisposable {
  /** Whether everything has been seen once. */
  isSynced(): boolean;
}

/** Live copies of all that has names: services, their endpoints, namespaces. */
export function watchNames(parts: Omit<AgentParts, 'settings'>): WatchedNames {
  const stack = new AsyncDisposableStack();
  const { cluster, clock, log } = parts;
  const options = { cluster, clock, log };
  const serviceInformer = stack.use(
    new Informer({
      ...options,
      resource: services,
      indexes: { ip: ({ spec }) => spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []) },
    }),
  );
  const sliceInformer = stack.use(
    new Informer({
      ...options,
      resource: endpointSlices,
      indexes: {
        service: ({ metadata }) => [
          `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`,
        ],
        ip: ({ endpoints }) => [
          ...new Set((endpoints ?? []).flatMap(({ addresses }) => addresses)),
        ],
      },
    }),
  );
  const namespaceInformer = stack.use(new Informer({ ...options, resource: namespaces }));
  let hasSeenAll = false;
  void Promise.all([
    serviceInformer.synced,
    sliceInformer.synced,
    namespaceInformer.synced,
  ]).finally(() => (hasSeenAll = true));
  return {
    isSynced: () => hasSeenAll,
    service: (key) => serviceInformer.get(key),
    slices: (key) => sliceInformer.by('service', key),
    hasNamespace: (name) => namespaceInformer.get(name) !== undefined,
    servicesAt: (ip) => serviceInformer.by('ip', ip),
    slicesAt: (ip) => sliceInformer.by('ip', ip),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
