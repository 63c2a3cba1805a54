import type { ClusterView } from '#agent/dns/cluster-names.ts';
import type { WatchingParts } from '#agent/settings.ts';
import { endpointSlices, namespaces, services } from '#agent/api/resources.ts';

export interface WatchedNames extends ClusterView {
  /** Whether everything has been seen once. */
  isSynced(): boolean;
}

/** All that has names: services, their endpoints, namespaces. */
export function watchNames({ informers }: Pick<WatchingParts, 'informers'>): WatchedNames {
  const serviceInformer = informers.of(services);
  const sliceInformer = informers.of(endpointSlices);
  const namespaceInformer = informers.of(namespaces);
  serviceInformer.addIndex(
    'ip',
    ({ spec }) => spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []),
  );
  sliceInformer.addIndex('service', ({ metadata }) => [
    `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`,
  ]);
  sliceInformer.addIndex('ip', ({ endpoints }) => [
    ...new Set((endpoints ?? []).flatMap(({ addresses }) => addresses)),
  ]);
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
  };
}
