import type { Ingress } from '#shared/api/types/networking-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const ingresses = resource<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  singular: 'ingress',
  scope: 'Namespaced',
  shortNames: ['ing'],
  type: 'networking.v1.Ingress',
  storage: { prefix: '/registry/ingress' },
  subresources: [{ name: 'status', kind: 'Ingress', verbs: ['get', 'patch', 'update'] }],
});
