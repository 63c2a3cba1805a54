import type { ResourceClaimTemplate } from '#shared/api/types/resource-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { defaultClaimSpec, validateClaimSpec } from '#shared/api/resource/claim-spec.ts';
import { unchanged } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  validateAnnotations,
  validateLabels,
  validateObjectMetaUpdate,
} from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const resourceClaimTemplates = resource<ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  singular: 'resourceclaimtemplate',
  scope: 'Namespaced',
  type: 'resource.v1.ResourceClaimTemplate',
  storage: { prefix: '/registry/resourceclaimtemplates' },
  lifecycle: { deleteReturnsObject: true },
  default: ({ spec }) => defaultClaimSpec(spec.spec),
  metadata: { onUpdate: ['create'] },
  validate: validateTemplate,
  *validateUpdate(template, old) {
    yield* validateTemplate(template);
    yield* validateObjectMetaUpdate(template.metadata, old.metadata);
    yield* unchanged(template.spec, old.spec, 'spec');
  },
  columns: [nameColumn, ageColumn],
});

function* validateTemplate({ spec }: ResourceClaimTemplate): Iterable<FieldError> {
  yield* validateAnnotations(spec.metadata.annotations, 'spec.metadata.annotations');
  yield* validateLabels(spec.metadata.labels, 'spec.metadata.labels');
  yield* validateClaimSpec(spec.spec, 'spec.spec');
}
