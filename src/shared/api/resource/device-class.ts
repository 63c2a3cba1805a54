import type { DeviceClass } from '#shared/api/types/resource-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const deviceClasses = resource<DeviceClass>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  plural: 'deviceclasses',
  singular: 'deviceclass',
  scope: 'Cluster',
  type: 'resource.v1.DeviceClass',
  storage: { prefix: '/registry/deviceclasses' },
  lifecycle: { deleteReturnsObject: true },
});
