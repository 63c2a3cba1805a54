import type {
  PersistentVolumeClaimSpec,
  TypedLocalObjectReference,
  TypedObjectReference,
} from '#shared/api/types/core-v1.ts';
import { validateResourceAmount } from '#shared/api/core/resource-names.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, positiveQuantity, requireText } from '#shared/kube/checks.ts';
import { forbiddenValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '#shared/kube/names.ts';
import { validateLabelSelector } from '#shared/kube/object-meta.ts';

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const volumeModes = ['Block', 'Filesystem'];

export interface ClaimAllowances {
  readonly invalidSelectorValues?: boolean;
  readonly invalidDataSourceGroup?: boolean;
}

export function* validateClaimSpec(
  spec: PersistentVolumeClaimSpec,
  field: string,
  allows: ClaimAllowances = {},
): Iterable<FieldError> {
  if (!spec?.accessModes?.length) {
    yield required(`${field}.accessModes`, 'at least 1 access mode is required');
  }
  const rules = { allowsInvalidValues: allows.invalidSelectorValues ?? false };
  yield* validateLabelSelector(spec?.selector, `${field}.selector`, rules);
  yield* validateAccessModes(spec?.accessModes, `${field}.accessModes`);
  yield* validateStorage(spec?.resources?.requests?.['storage'], `${field}.resources[storage]`);
  yield* validateClassName(spec?.storageClassName, `${field}.storageClassName`);
  yield* validateVolumeMode(spec?.volumeMode, `${field}.volumeMode`);
  yield* validateSources(spec, field, allows.invalidDataSourceGroup ?? false);
  yield* validateClassName(spec?.volumeAttributesClassName, `${field}.volumeAttributesClassName`);
}

export function* validateAccessModes(
  modes: readonly string[] | undefined,
  field: string,
): Iterable<FieldError> {
  for (const mode of modes ?? []) {
    if (!accessModes.includes(mode)) yield notSupported(field, mode, accessModes);
  }
  const known = (modes ?? []).filter((mode) => accessModes.includes(mode));
  if (known.includes('ReadWriteOncePod') && known.some((mode) => mode !== 'ReadWriteOncePod')) {
    yield forbiddenValue(field, 'may not use ReadWriteOncePod with other access modes');
  }
}

function* validateStorage(amount: string | undefined, field: string): Iterable<FieldError> {
  if (amount === undefined) {
    yield required(field);
    return;
  }
  const errors = [...positiveQuantity(amount, field)];
  yield* errors;
  if (errors.length === 0) yield* validateResourceAmount('storage', amount, field);
}

function* validateClassName(name: string | undefined, field: string): Iterable<FieldError> {
  if (name) yield* invalidEach(field, name, dns1123Subdomain(name));
}

export function* validateVolumeMode(mode: string | undefined, field: string): Iterable<FieldError> {
  if (mode !== undefined && !volumeModes.includes(mode)) {
    yield notSupported(field, mode, volumeModes);
  }
}

function* validateSources(
  { dataSource, dataSourceRef }: PersistentVolumeClaimSpec,
  field: string,
  allowsInvalidGroup: boolean,
): Iterable<FieldError> {
  if (dataSource) {
    yield* validateDataSource(dataSource, `${field}.dataSource`, allowsInvalidGroup);
  }
  if (!dataSourceRef) return;
  yield* validateDataSource(dataSourceRef, `${field}.dataSourceRef`, allowsInvalidGroup);
  if (dataSourceRef.namespace) {
    const { namespace } = dataSourceRef;
    yield* invalidEach(`${field}.dataSourceRef.namespace`, namespace, dns1123Label(namespace));
  }
  if (!dataSource) return;
  if (dataSourceRef.namespace) {
    yield invalidValue(
      field,
      `${field}.dataSource`,
      'may not be specified when dataSourceRef.namespace is specified',
    );
  } else if (!isSameReference(dataSource, dataSourceRef)) {
    yield invalidValue(field, `${field}.dataSource`, 'must match dataSourceRef');
  }
}

function* validateDataSource(
  source: TypedLocalObjectReference | TypedObjectReference,
  field: string,
  allowsInvalidGroup: boolean,
): Iterable<FieldError> {
  const { name, kind, apiGroup } = source;
  yield* requireText(name, `${field}.name`);
  yield* requireText(kind, `${field}.kind`);
  if (!apiGroup && kind !== 'PersistentVolumeClaim') {
    yield invalidValue(
      field,
      kind,
      "must be 'PersistentVolumeClaim' when referencing the default apiGroup",
    );
  }
  if (apiGroup && !allowsInvalidGroup) {
    yield* invalidEach(`${field}.apiGroup`, apiGroup, dns1123Subdomain(apiGroup));
  }
}

function isSameReference(
  a: TypedLocalObjectReference | TypedObjectReference,
  b: TypedLocalObjectReference | TypedObjectReference,
): boolean {
  return a.apiGroup === b.apiGroup && a.kind === b.kind && a.name === b.name;
}
