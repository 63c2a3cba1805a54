import type { FlowSchema } from '#shared/api/types/flowcontrol-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const flowSchemas = resource<FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  singular: 'flowschema',
  scope: 'Cluster',
  type: 'flowcontrol.v1.FlowSchema',
  storage: { prefix: '/registry/flowschemas' },
  subresources: [{ name: 'status', kind: 'FlowSchema', verbs: ['get', 'patch', 'update'] }],
});
