import type { ConfigMap } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const configMaps = resource<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  singular: 'configmap',
  scope: 'Namespaced',
  shortNames: ['cm'],
  type: 'core.v1.ConfigMap',
  storage: { prefix: '/registry/configmaps' },
});
