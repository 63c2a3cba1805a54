import type { VolumeAttributesClass } from '#shared/api/types/storage-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const volumeAttributesClasses = resource<VolumeAttributesClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  singular: 'volumeattributesclass',
  scope: 'Cluster',
  shortNames: ['vac'],
  type: 'storage.v1.VolumeAttributesClass',
  storage: { prefix: '/registry/volumeattributesclasses' },
  lifecycle: { deleteReturnsObject: true },
});
