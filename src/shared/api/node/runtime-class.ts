import type { RuntimeClass } from '#shared/api/types/node-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const runtimeClasses = resource<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  singular: 'runtimeclass',
  scope: 'Cluster',
  type: 'node.v1.RuntimeClass',
  storage: { prefix: '/registry/runtimeclasses' },
});
