import type { VolumeAttachment } from '#shared/api/types/storage-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const volumeAttachments = resource<VolumeAttachment>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  singular: 'volumeattachment',
  scope: 'Cluster',
  type: 'storage.v1.VolumeAttachment',
  storage: { prefix: '/registry/volumeattachments' },
  lifecycle: { deleteReturnsObject: true },
  subresources: [{ name: 'status', kind: 'VolumeAttachment', verbs: ['get', 'patch', 'update'] }],
});
