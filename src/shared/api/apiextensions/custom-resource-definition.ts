import type { CustomResourceDefinition } from '#shared/api/types/apiextensions-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const customResourceDefinitions = resource<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  scope: 'Cluster',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  type: 'apiextensions.v1.CustomResourceDefinition',
  storage: {
    prefix: '/registry/apiextensions.k8s.io/customresourcedefinitions',
    groupVersion: 'apiextensions.k8s.io/v1beta1',
  },
  subresources: [
    { name: 'status', kind: 'CustomResourceDefinition', verbs: ['get', 'patch', 'update'] },
  ],
});
