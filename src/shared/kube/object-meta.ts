import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, nonNegative, unchanged } from '#shared/kube/checks.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  notSupported,
  required,
  tooLong,
} from '#shared/kube/field-error.ts';
import {
  byteLength,
  formatProblem,
  labelValue,
  nameIsDnsLabel,
  nameIsDnsSubdomain,
  qualifiedName,
  type NameCheck,
} from '#shared/kube/names.ts';
import type {
  Condition,
  LabelSelector,
  LabelSelectorRequirement,
  ObjectMeta,
  OwnerReference,
} from '#shared/kube/types/meta-v1.ts';

export interface MetadataRules {
  readonly isNamespaced: boolean;
  /** DNS subdomain unless stated. */
  readonly validateName?: NameCheck | undefined;
  /** Finalizers without a domain must be well-known; true unless stated. */
  readonly qualifiesFinalizers?: boolean | undefined;
}

type StringMap = Readonly<Record<string, string>>;

const annotationsLimit = 256 * 1024;
const standardFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** '' where an object that nobody checked yet has no name. */
export function nameOf({ name }: { readonly name?: string | undefined }): string {
  return name ?? '';
}

/** What is wrong with the metadata of a new object, as upstream's ValidateObjectMeta. */
export function* validateObjectMeta(
  meta: ObjectMeta,
  { isNamespaced, validateName = nameIsDnsSubdomain, qualifiesFinalizers = true }: MetadataRules,
  path = 'metadata',
): Iterable<FieldError> {
  const { name, generateName, namespace } = meta;
  if (generateName) {
    yield* invalidEach(`${path}.generateName`, generateName, validateName(generateName, true));
  }
  if (name) yield* invalidEach(`${path}.name`, name, validateName(name));
  else yield required(`${path}.name`, 'name or generateName is required');
  if (isNamespaced) {
    if (namespace) yield* invalidEach(`${path}.namespace`, namespace, nameIsDnsLabel(namespace));
    else yield required(`${path}.namespace`);
  } else if (namespace) yield forbiddenValue(`${path}.namespace`, 'not allowed on this type');
  yield* nonNegative(meta.generation, `${path}.generation`);
  yield* validateLabels(meta.labels, `${path}.labels`);
  yield* validateAnnotations(meta.annotations, `${path}.annotations`);
  yield* validateOwnerReferences(meta.ownerReferences, `${path}.ownerReferences`);
  yield* validateFinalizers(meta.finalizers, `${path}.finalizers`);
  yield* validateManagedFields(meta, `${path}.managedFields`);
  if (qualifiesFinalizers) yield* qualifiedFinalizers(meta.finalizers, `${path}.finalizers`);
}

/** What is wrong with a change of metadata, as upstream's ValidateObjectMetaUpdate. */
export function* validateObjectMetaUpdate(
  meta: ObjectMeta,
  old: ObjectMeta,
  { qualifiesFinalizers = true }: Pick<MetadataRules, 'qualifiesFinalizers'> = {},
  path = 'metadata',
): Iterable<FieldError> {
  if (old.deletionTimestamp) yield* noNewFinalizers(meta, old, `${path}.finalizers`);
  if (!meta.resourceVersion) {
    yield invalidValue(`${path}.resourceVersion`, '', 'must be specified for an update');
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    yield invalidValue(`${path}.generation`, meta.generation ?? 0, 'must not be decremented');
  }
  yield* unchanged(meta.name ?? '', old.name ?? '', `${path}.name`);
  yield* unchanged(meta.namespace ?? '', old.namespace ?? '', `${path}.namespace`);
  yield* unchanged(meta.uid ?? '', old.uid ?? '', `${path}.uid`);
  yield* unchanged(meta.creationTimestamp, old.creationTimestamp, `${path}.creationTimestamp`);
  yield* unchanged(meta.deletionTimestamp, old.deletionTimestamp, `${path}.deletionTimestamp`);
  yield* unchanged(
    meta.deletionGracePeriodSeconds,
    old.deletionGracePeriodSeconds,
    `${path}.deletionGracePeriodSeconds`,
  );
  yield* validateLabels(meta.labels, `${path}.labels`);
  yield* validateAnnotations(meta.annotations, `${path}.annotations`);
  yield* validateOwnerReferences(meta.ownerReferences, `${path}.ownerReferences`);
  yield* validateManagedFields(meta, `${path}.managedFields`);
  if (qualifiesFinalizers) yield* qualifiedFinalizers(meta.finalizers, `${path}.finalizers`);
}

export function* validateLabelName(name: string, field: string): Iterable<FieldError> {
  yield* invalidEach(field, name, qualifiedName(name));
}

export function* validateLabels(
  labels: StringMap | undefined,
  field: string,
): Iterable<FieldError> {
  if (!labels) return;
  for (const key of Object.keys(labels)) {
    const value = labels[key]!;
    yield* validateLabelName(key, field);
    yield* invalidEach(field, value, labelValue(value));
  }
}

export function* validateAnnotations(
  annotations: StringMap | undefined,
  field: string,
): Iterable<FieldError> {
  if (!annotations) return;
  let size = 0;
  for (const key of Object.keys(annotations)) {
    yield* invalidEach(field, key, qualifiedName(key.toLowerCase()));
    size += byteLength(key) + byteLength(annotations[key]!);
  }
  if (size > annotationsLimit) yield tooLong(field, annotationsLimit);
}

export interface SelectorRules {
  /** Values that are no label values were accepted before and stay. */
  readonly allowsInvalidValues?: boolean;
}

export function* validateLabelSelector(
  selector: LabelSelector | undefined,
  field: string,
  rules: SelectorRules = {},
): Iterable<FieldError> {
  if (!selector) return;
  yield* validateLabels(selector.matchLabels, `${field}.matchLabels`);
  for (const [index, requirement] of (selector.matchExpressions ?? []).entries()) {
    yield* validateRequirement(requirement, `${field}.matchExpressions[${index}]`, rules);
  }
}

function* validateRequirement(
  { key, operator, values = [] }: LabelSelectorRequirement,
  field: string,
  { allowsInvalidValues = false }: SelectorRules,
): Iterable<FieldError> {
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) {
      yield required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
    }
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) {
      yield forbiddenValue(
        `${field}.values`,
        "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      );
    }
  } else yield invalidValue(`${field}.operator`, operator ?? '', 'not a valid selector operator');
  yield* validateLabelName(key ?? '', `${field}.key`);
  if (allowsInvalidValues) return;
  for (const [index, value] of values.entries()) {
    yield* invalidEach(`${field}.values[${index}]`, value, labelValue(value));
  }
}

function* validateOwnerReferences(
  references: readonly OwnerReference[] | undefined,
  field: string,
): Iterable<FieldError> {
  if (!references) return;
  let controller: string | undefined;
  for (const reference of references) {
    yield* validateOwnerReference(reference, field);
    if (!reference.controller) continue;
    const named = `${reference.kind}/${reference.name}`;
    if (controller === undefined) controller = named;
    else {
      yield invalidValue(
        field,
        references,
        `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${named}`,
      );
    }
  }
}

function* validateOwnerReference(reference: OwnerReference, field: string): Iterable<FieldError> {
  const { apiVersion, kind, name, uid } = reference;
  const parts = apiVersion.split('/');
  const isParsable = parts.length <= 2;
  if (!isParsable || !parts.at(-1)) {
    yield invalidValue(`${field}.apiVersion`, apiVersion, 'version must not be empty');
  }
  if (!kind) yield invalidValue(`${field}.kind`, kind, 'must not be empty');
  if (!name) yield invalidValue(`${field}.name`, name ?? '', 'must not be empty');
  if (!uid) yield invalidValue(`${field}.uid`, uid ?? '', 'must not be empty');
  if (apiVersion === 'v1' && kind === 'Event') {
    yield invalidValue(field, reference, '/v1, Kind=Event is disallowed from being an owner');
  }
}

function* validateFinalizers(
  finalizers: readonly string[] | undefined,
  field: string,
): Iterable<FieldError> {
  if (!finalizers) return;
  for (const finalizer of finalizers) {
    yield* invalidEach(field, finalizer, qualifiedName(finalizer));
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    yield invalidValue(
      field,
      finalizers,
      'finalizer orphan and foregroundDeletion cannot be both set',
    );
  }
}

function* qualifiedFinalizers(
  finalizers: readonly string[] | undefined,
  field: string,
): Iterable<FieldError> {
  for (const [index, finalizer] of (finalizers ?? []).entries()) {
    yield* qualifiedFinalizer(finalizer, `${field}[${index}]`);
  }
}

/** A finalizer without a domain must be one of Kubernetes' own. */
export function* qualifiedFinalizer(finalizer: string, field: string): Iterable<FieldError> {
  if (finalizer.includes('/') || standardFinalizers.has(finalizer)) return;
  yield invalidValue(
    field,
    finalizer,
    'name is neither a standard finalizer name nor is it fully qualified',
  );
}

function* noNewFinalizers(meta: ObjectMeta, old: ObjectMeta, field: string): Iterable<FieldError> {
  const known = new Set(old.finalizers);
  const added = [...new Set(meta.finalizers)].filter((finalizer) => !known.has(finalizer)).sort();
  if (added.length === 0) return;
  const list = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  yield forbiddenValue(
    field,
    `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
  );
}

function* validateManagedFields(meta: ObjectMeta, field: string): Iterable<FieldError> {
  for (const [index, entry] of (meta.managedFields ?? []).entries()) {
    const path = `${field}[${index}]`;
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      yield invalidValue(`${path}.operation`, entry.operation ?? '', 'must be `Apply` or `Update`');
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      yield invalidValue(`${path}.fieldsType`, entry.fieldsType, 'must be `FieldsV1`');
    }
    yield* validateFieldManager(entry.manager ?? '', `${path}.manager`);
    if (byteLength(entry.subresource ?? '') > 256) yield tooLong(`${path}.subresource`, 256);
  }
}

/** The name of a field manager, in managed fields and in request options alike. */
export function* validateFieldManager(manager: string, field: string): Iterable<FieldError> {
  if (byteLength(manager) > 128) yield tooLong(field, 128);
  let position = 0;
  for (const character of manager) {
    if (/[\p{C}\p{Z}]/u.test(character) && character !== ' ') {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      yield invalidValue(field, manager, `invalid character U+${code} (at position ${position})`);
    }
    position += byteLength(character);
  }
}

const conditionReasonFormat = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const conditionReason = new RegExp(`^${conditionReasonFormat}$`);

/** Conditions of `meta/v1`, which newer kinds have in their status. */
export function* validateConditions(
  conditions: readonly Condition[] | undefined,
  field: string,
): Iterable<FieldError> {
  const seen = new Set<string>();
  for (const [index, condition] of (conditions ?? []).entries()) {
    const path = `${field}[${index}]`;
    if (seen.has(condition.type)) yield duplicateValue(`${path}.type`, condition.type);
    seen.add(condition.type);
    yield* validateCondition(condition, path);
  }
}

function* validateCondition(condition: Condition, path: string): Iterable<FieldError> {
  const { type, status, reason, message } = condition;
  yield* validateLabelName(type ?? '', `${path}.type`);
  if (status !== 'True' && status !== 'False' && status !== 'Unknown') {
    yield notSupported(`${path}.status`, status ?? '', ['False', 'True', 'Unknown']);
  }
  if ((condition.observedGeneration ?? 0) < 0) {
    yield invalidValue(
      `${path}.observedGeneration`,
      condition.observedGeneration,
      'must be greater than or equal to zero',
    );
  }
  if (!condition.lastTransitionTime) yield required(`${path}.lastTransitionTime`);
  if (!reason) yield required(`${path}.reason`);
  else {
    if (!conditionReason.test(reason)) {
      yield invalidValue(`${path}.reason`, reason, conditionReasonProblem());
    }
    if (byteLength(reason) > 1024) yield tooLong(`${path}.reason`, 1024);
  }
  if (byteLength(message ?? '') > 32 * 1024) yield tooLong(`${path}.message`, 32 * 1024);
}

function conditionReasonProblem(): string {
  return formatProblem(
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
    conditionReasonFormat,
    'my_name',
    'MY_NAME',
    'MyName',
    'ReasonA,ReasonB',
    'ReasonA:ReasonB',
  );
}
