import type { Node } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const nodes = resource<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  singular: 'node',
  scope: 'Cluster',
  shortNames: ['no'],
  type: 'core.v1.Node',
  storage: { prefix: '/registry/minions' },
  subresources: [
    {
      name: 'proxy',
      kind: 'NodeProxyOptions',
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
    },
    { name: 'status', kind: 'Node', verbs: ['get', 'patch', 'update'] },
  ],
});
