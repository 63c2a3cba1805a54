import type { IPAddress } from '#shared/api/types/networking-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const ipAddresses = resource<IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  singular: 'ipaddress',
  scope: 'Cluster',
  shortNames: ['ip'],
  type: 'networking.v1.IPAddress',
  storage: { prefix: '/registry/ipaddresses' },
});
