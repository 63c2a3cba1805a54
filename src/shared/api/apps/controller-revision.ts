import type { ControllerRevision } from '#shared/api/types/apps-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { nonNegative, unchanged } from '#shared/kube/checks.ts';
import { required } from '#shared/kube/field-error.ts';
import { resource } from '#shared/kube/resource.ts';

export const controllerRevisions = resource<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  singular: 'controllerrevision',
  scope: 'Namespaced',
  type: 'apps.v1.ControllerRevision',
  storage: { prefix: '/registry/controllerrevisions' },
  metadata: { onUpdate: ['update', 'create'] },
  *validate({ revision, data }) {
    yield* nonNegative(revision, 'revision');
    yield* validateData(data);
  },
  *validateUpdate({ revision, data }, old) {
    yield* nonNegative(revision, 'revision');
    yield* unchanged(data, old.data, 'data');
  },
  columns: [
    nameColumn,
    { name: 'Controller', value: controllerOf },
    { name: 'Revision', value: ({ revision }) => revision },
    ageColumn,
  ],
});

function* validateData(data: unknown): Iterable<FieldError> {
  if (data === undefined || data === null) yield required('data', 'data is mandatory');
  else if (typeof data !== 'object' || Array.isArray(data)) {
    yield required('data', 'data must be a valid JSON object');
  }
}

function controllerOf({ metadata }: ControllerRevision): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  if (!owner) return '<none>';
  const [group] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [''];
  const kind = owner.kind.toLowerCase();
  return `${group ? `${kind}.${group}` : kind}/${owner.name}`;
}
