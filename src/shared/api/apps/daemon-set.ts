import type { DaemonSet } from '#shared/api/types/apps-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const daemonSets = resource<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  singular: 'daemonset',
  scope: 'Namespaced',
  shortNames: ['ds'],
  categories: ['all'],
  type: 'apps.v1.DaemonSet',
  storage: { prefix: '/registry/daemonsets' },
  subresources: [{ name: 'status', kind: 'DaemonSet', verbs: ['get', 'patch', 'update'] }],
});
