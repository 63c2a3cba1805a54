import type { Namespace } from '#shared/api/types/core-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { keep } from '#shared/api/strategies.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import { nameIsDnsLabel, qualifiedName } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';
import { qualifiedFinalizer } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const namespaces = resource<Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  singular: 'namespace',
  scope: 'Cluster',
  shortNames: ['ns'],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  type: 'core.v1.Namespace',
  storage: { prefix: '/registry/namespaces' },
  subresources: [
    { name: 'finalize', kind: 'Namespace', verbs: ['update'] },
    { name: 'status', kind: 'Namespace', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { deleteReturnsObject: true },
  validateName: nameIsDnsLabel,
  default(draft) {
    nameLabel(draft);
    draft.status ??= {};
    if (!draft.status.phase) draft.status.phase = 'Active';
  },
  prepareForCreate(draft) {
    draft.status = { phase: 'Active' };
    const finalizers = (draft.spec.finalizers ??= []);
    if (!finalizers.includes('kubernetes')) finalizers.push('kubernetes');
    nameLabel(draft);
  },
  prepareForUpdate(draft, old) {
    const { finalizers } = old.spec as Draft<Namespace>['spec'];
    if (finalizers) draft.spec.finalizers = finalizers;
    else delete draft.spec.finalizers;
    keep('status', draft, old);
    nameLabel(draft);
  },
  prepareForStatusUpdate(draft, old) {
    keep('spec', draft, old);
  },
  metadata: { onUpdate: ['create', 'update'] },
  validate: validateFinalizers,
  validateUpdate: validateFinalizers,
  *validateStatusUpdate({ metadata, status }) {
    const phase = metadata.deletionTimestamp ? 'Terminating' : 'Active';
    if (status?.phase === phase) return;
    const condition = metadata.deletionTimestamp ? 'is not empty' : 'is empty';
    yield invalidValue(
      'status.Phase',
      status?.phase ?? '',
      `may only be '${phase}' if \`deletionTimestamp\` ${condition}`,
    );
  },
  fieldSelectors: { 'status.phase': ({ status }) => status?.phase ?? '' },
  columns: [nameColumn, { name: 'Status', value: ({ status }) => status?.phase ?? '' }, ageColumn],
});

/** Every namespace can be selected by its name. */
function nameLabel({ metadata }: Draft<Namespace>): void {
  const { name } = metadata;
  if (name) metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': name };
}

function* validateFinalizers({ spec }: Namespace): Iterable<FieldError> {
  for (const finalizer of spec?.finalizers ?? []) {
    yield* invalidEach('spec.finalizers', finalizer, qualifiedName(finalizer));
    yield* qualifiedFinalizer(finalizer, 'spec.finalizers');
  }
}
