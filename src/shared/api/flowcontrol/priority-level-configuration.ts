import type { PriorityLevelConfiguration } from '#shared/api/types/flowcontrol-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const priorityLevelConfigurations = resource<PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  singular: 'prioritylevelconfiguration',
  scope: 'Cluster',
  type: 'flowcontrol.v1.PriorityLevelConfiguration',
  storage: { prefix: '/registry/prioritylevelconfigurations' },
  subresources: [
    { name: 'status', kind: 'PriorityLevelConfiguration', verbs: ['get', 'patch', 'update'] },
  ],
});
