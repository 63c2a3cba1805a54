import type { NetworkPolicy } from '#shared/api/types/networking-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const networkPolicies = resource<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  singular: 'networkpolicy',
  scope: 'Namespaced',
  shortNames: ['netpol'],
  type: 'networking.v1.NetworkPolicy',
  storage: { prefix: '/registry/networkpolicies' },
});
