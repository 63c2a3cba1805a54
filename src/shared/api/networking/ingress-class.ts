import type { IngressClass } from '#shared/api/types/networking-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const ingressClasses = resource<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  singular: 'ingressclass',
  scope: 'Cluster',
  type: 'networking.v1.IngressClass',
  storage: { prefix: '/registry/ingressclasses' },
});
