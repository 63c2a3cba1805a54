import type { PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import { ageColumn, nameColumn, orUnset } from '#shared/api/columns.ts';
import { roundAmounts } from '#shared/api/core/amounts.ts';
import { validateResourceAmount } from '#shared/api/core/resource-names.ts';
import {
  classAnnotation,
  formatAccessModes,
  storageClassOf,
} from '#shared/api/core/volume/access.ts';
import { validateClaimSpec, type ClaimAllowances } from '#shared/api/core/volume/claim-spec.ts';
import { defaultClaimSpec } from '#shared/api/core/volume/defaults.ts';
import { withMembersOf } from '#shared/api/core/pod/update.ts';
import { keep } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  compareAmounts,
  invalidEach,
  isClean,
  isImmutable,
  signOf,
  unchanged,
} from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { forbiddenValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { qualifiedName } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';
import { validateLabelSelector } from '#shared/kube/object-meta.ts';
import { quantityValue } from '#shared/kube/quantity.ts';
import { resource } from '#shared/kube/resource.ts';

export const persistentVolumeClaims = resource<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  singular: 'persistentvolumeclaim',
  scope: 'Namespaced',
  shortNames: ['pvc'],
  type: 'core.v1.PersistentVolumeClaim',
  storage: { prefix: '/registry/persistentvolumeclaims' },
  subresources: [
    { name: 'status', kind: 'PersistentVolumeClaim', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { deleteReturnsObject: true },
  default({ spec, status }) {
    if (!status.phase) status.phase = 'Pending';
    defaultClaimSpec(spec);
    roundAmounts(status.capacity);
    roundAmounts(status.allocatedResources);
  },
  prepareForCreate(draft) {
    // The phase is defaulted when the object is read back.
    draft.status = { phase: 'Pending' };
    prepareSources(draft.spec, undefined);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    prepareSources(draft.spec, old.spec);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  metadata: { onUpdate: ['update', 'create'] },
  validate: ({ spec }) => validateClaimSpec(spec, 'spec'),
  *validateUpdate(claim, old) {
    yield* validateClaimSpec(claim.spec, 'spec', allowancesOf(old.spec));
    yield* validateFixed(claim, old);
  },
  validateStatusUpdate: validateStatus,
  columns: [
    nameColumn,
    {
      name: 'Status',
      value: ({ metadata, status }) =>
        metadata.deletionTimestamp ? 'Terminating' : (status.phase ?? ''),
    },
    { name: 'Volume', value: ({ spec }) => spec.volumeName ?? '' },
    {
      name: 'Capacity',
      value: ({ spec, status }) => (spec.volumeName ? (status.capacity?.['storage'] ?? '0') : ''),
    },
    {
      name: 'Access Modes',
      value: ({ spec, status }) => (spec.volumeName ? formatAccessModes(status.accessModes) : ''),
    },
    { name: 'StorageClass', value: storageClassOf },
    {
      name: 'VolumeAttributesClass',
      value: ({ spec }) => orUnset(spec.volumeAttributesClassName),
    },
    ageColumn,
    { name: 'VolumeMode', priority: 1, value: ({ spec }) => orUnset(spec.volumeMode) },
  ],
});

type Spec = PersistentVolumeClaim['spec'];

/** Both ways to name a source say the same; sources in other namespaces are off by default. */
function prepareSources(spec: Draft<Spec>, old: Spec | undefined): void {
  if (spec.dataSourceRef?.namespace && !old?.dataSourceRef) delete spec.dataSourceRef;
  const hadSource = old?.dataSource ?? old?.dataSourceRef;
  if (!hadSource && !spec.dataSourceRef && spec.dataSource && !isCopyable(spec.dataSource)) {
    delete spec.dataSource;
  }
  const { dataSource, dataSourceRef } = spec;
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource };
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) {
    const { namespace: _, ...source } = dataSourceRef;
    spec.dataSource = source;
  }
}

function isCopyable({ kind, apiGroup }: NonNullable<Spec['dataSource']>): boolean {
  if (kind === 'PersistentVolumeClaim') return !apiGroup;
  return kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io';
}

function allowancesOf({ dataSource, dataSourceRef, selector }: Spec): ClaimAllowances {
  return {
    invalidDataSourceGroup:
      dataSource?.apiGroup !== undefined || dataSourceRef?.apiGroup !== undefined,
    invalidSelectorValues: !isClean(validateLabelSelector(selector, '')),
  };
}

function* validateFixed(
  claim: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): Iterable<FieldError> {
  const { spec, status, metadata } = claim;
  const before = old.metadata.annotations?.[classAnnotation];
  const isUpgraded = isClassUpgraded(claim, old);
  if (!isUpgraded && (metadata.annotations?.[classAnnotation] ?? '') !== (before ?? '')) {
    yield invalidValue(
      `metadata.annotations.${classAnnotation}`,
      metadata.annotations?.[classAnnotation] ?? '',
      isImmutable,
    );
  }
  let compared = old.spec.volumeName ? spec : withMembersOf(spec, old.spec, ['volumeName']);
  if (isUpgraded || isClassAdded(spec, old, before)) {
    compared = withMembersOf(compared, old.spec, ['storageClassName']);
  }
  if (status.phase === 'Bound') {
    compared = withMembersOf(compared, old.spec, ['volumeAttributesClassName']);
    const storage = old.spec.resources?.requests?.['storage'] ?? '0';
    const { requests } = compared.resources ?? {};
    if (requests) {
      compared = {
        ...compared,
        resources: { ...compared.resources, requests: { ...requests, storage } },
      };
    }
  }
  if (!semanticEqual(compared, old.spec)) {
    yield forbiddenValue(
      'spec',
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n',
    );
  }
  yield* validateSize(claim, old);
  yield* unchanged(spec.volumeMode, old.spec.volumeMode, 'volumeMode');
  yield* validateAttributesClass(claim, old);
}

/** The class moves from the annotation, where it once stood, to the field. */
function isClassUpgraded(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const before = old.metadata.annotations?.[classAnnotation];
  const after = claim.metadata.annotations?.[classAnnotation];
  return (
    before !== undefined &&
    old.spec.storageClassName === undefined &&
    claim.spec.storageClassName === before &&
    (after === undefined || after === before)
  );
}

function isClassAdded(
  { storageClassName }: Spec,
  old: PersistentVolumeClaim,
  annotation: string | undefined,
): boolean {
  if (storageClassName === undefined || old.spec.storageClassName !== undefined) return false;
  return annotation === undefined || storageClassName === annotation;
}

function* validateSize(
  { spec }: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): Iterable<FieldError> {
  const size = spec.resources?.requests?.['storage'] ?? '0';
  const before = old.spec.resources?.requests?.['storage'] ?? '0';
  const actual = old.status.capacity?.['storage'] ?? '0';
  if (compareAmounts(size, before) < 0 && compareAmounts(size, actual) <= 0) {
    yield forbiddenValue(
      'spec.resources.requests.storage',
      'field can not be less than status.capacity',
    );
  }
}

function* validateAttributesClass(
  { spec }: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): Iterable<FieldError> {
  const { volumeAttributesClassName: name } = spec;
  if (name === old.spec.volumeAttributesClassName) return;
  if (old.status.currentVolumeAttributesClassName === undefined || name) return;
  const what = name === undefined ? 'nil' : 'empty string';
  yield forbiddenValue(
    'spec.volumeAttributesClassName',
    `update to ${what} is forbidden when status.currentVolumeAttributesClassName is not nil`,
  );
}

const resizeStates = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
];

function* validateStatus({ spec, status }: PersistentVolumeClaim): Iterable<FieldError> {
  if (!spec.accessModes?.length) yield required('Spec.accessModes');
  for (const [name, amount] of Object.entries(status.capacity ?? {})) {
    yield* validateAmount(amount, `status.capacity[${name}]`);
  }
  for (const [name, state] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    const field = 'status.allocatedResourceStatuses';
    yield* validateResource(name, field);
    if (!resizeStates.includes(state)) yield notSupported(field, name, resizeStates);
  }
  for (const [name, amount] of Object.entries(status.allocatedResources ?? {})) {
    const field = 'status.allocatedResources';
    const errors = [...validateResource(name, field)];
    yield* errors;
    if (errors.length > 0) continue;
    const problems = [...validateAmount(amount, `${field}[${name}]`)];
    yield* problems;
    if (problems.length === 0) {
      yield* validateResourceAmount('storage', amount, `${field}[${name}]`);
    }
  }
}

function* validateAmount(amount: string, field: string): Iterable<FieldError> {
  if (signOf(amount) < 0) {
    yield invalidValue(field, quantityValue(amount), 'must be a valid resource quantity');
  }
}

function* validateResource(name: string, field: string): Iterable<FieldError> {
  const problems = qualifiedName(name);
  yield* invalidEach(field, name, problems);
  const isNative = !name.includes('/') || name.includes('kubernetes.io/');
  if (problems.length === 0 && isNative && name !== 'storage') {
    yield notSupported(field, name, ['storage']);
  }
}
