import type { VolumeAttachment } from '#shared/api/types/storage-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { validateCsiDriverName } from '#shared/api/core/volume/network-storage.ts';
import { validateInlineVolume } from '#shared/api/storage/inline-volume.ts';
import { keep, resetStatus } from '#shared/api/strategies.ts';
import { invalidEach, unchanged } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue, required, tooLong } from '#shared/kube/field-error.ts';
import { byteLength, dns1123Subdomain, rangeProblem } from '#shared/kube/names.ts';
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
  allowsUnconditionalUpdate: false,
  prepareForCreate: (draft) => resetStatus(draft, 'storage.v1.VolumeAttachmentStatus'),
  prepareForUpdate: (draft, old) => keep('status', draft, old),
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  metadata: { onUpdate: ['create'], onStatusUpdate: ['create'] },
  validate: validateAttachment,
  validateUpdate: validateChange,
  validateStatusUpdate: validateChange,
  columns: [
    nameColumn,
    { name: 'Attacher', format: 'name', value: ({ spec }) => spec.attacher },
    { name: 'PV', value: ({ spec }) => spec.source.persistentVolumeName ?? '' },
    { name: 'Node', value: ({ spec }) => spec.nodeName },
    { name: 'Attached', type: 'boolean', value: ({ status }) => status.attached },
    ageColumn,
  ],
});

const largestMetadata = 256 * 1024;
const longestMessage = 1024;
const largestInt32 = 2 ** 31 - 1;

function* validateChange(
  attachment: VolumeAttachment,
  old: VolumeAttachment,
): Iterable<FieldError> {
  yield* validateAttachment(attachment);
  yield* unchanged(attachment.spec, old.spec, 'spec');
}

function* validateAttachment({ spec, status }: VolumeAttachment): Iterable<FieldError> {
  yield* validateCsiDriverName(spec.attacher ?? '', 'spec.attacher');
  yield* validateSource(spec.source);
  yield* invalidEach('spec.nodeName', spec.nodeName ?? '', dns1123Subdomain(spec.nodeName ?? ''));
  const entries = Object.entries(status.attachmentMetadata ?? {});
  const size = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  if (size > largestMetadata) yield tooLong('status.attachmentMetadata', largestMetadata);
  for (const member of ['attachError', 'detachError'] as const) {
    const { message = '', errorCode = 0 } = status[member] ?? {};
    if (byteLength(message) > longestMessage) {
      // Upstream names the limit of the metadata here.
      yield tooLong(`status.${member}.message`, largestMetadata);
    }
    if (errorCode < 0) {
      yield invalidValue(`status.${member}.errorCode`, errorCode, rangeProblem(0, largestInt32));
    }
  }
  const { persistentVolumeName: name } = spec.source;
  if (name !== undefined) {
    yield* invalidEach('spec.source.persistentVolumeName', name, dns1123Subdomain(name));
  }
}

function* validateSource(source: VolumeAttachment['spec']['source']): Iterable<FieldError> {
  const field = 'spec.source';
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = source;
  const detail = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (inline) {
    if (name === undefined) yield* validateInlineVolume(inline, `${field}.inlineVolumeSpec`);
    else yield forbiddenValue(field, detail);
  } else if (name === undefined) yield required(field, detail);
  else if (!name) {
    yield required(`${field}.persistentVolumeName`, 'must specify non empty persistentVolumeName');
  }
}
