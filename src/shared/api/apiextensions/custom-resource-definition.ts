import type { CustomResourceDefinition } from '#shared/api/types/apiextensions-v1.ts';
import {
  validateDefinitionSpec,
  validateNames,
} from '#shared/api/apiextensions/definition-spec.ts';
import { createdAtColumn, nameColumn } from '#shared/api/columns.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import { unchanged } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, required } from '#shared/kube/field-error.ts';
import { nameIsDnsSubdomain } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';
import { validateObjectMeta } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const customResourceDefinitions = resource<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  scope: 'Cluster',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  type: 'apiextensions.v1.CustomResourceDefinition',
  storage: {
    prefix: '/registry/apiextensions.k8s.io/customresourcedefinitions',
    groupVersion: 'apiextensions.k8s.io/v1beta1',
  },
  subresources: [
    { name: 'status', kind: 'CustomResourceDefinition', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { generation: true },
  allowsUnconditionalUpdate: false,
  default({ spec, status }) {
    const { names } = spec;
    if (!names.singular) names.singular = (names.kind ?? '').toLowerCase();
    if (!names.listKind && names.kind) names.listKind = `${names.kind}List`;
    spec.conversion ??= { strategy: 'None' };
    const service = spec.conversion.webhook?.clientConfig?.service;
    if (service) service.port ??= 443;
    const stored = (spec.versions ?? []).find(({ storage }) => storage)?.name;
    if (!status.storedVersions?.length && stored !== undefined) status.storedVersions = [stored];
  },
  prepareForCreate(draft) {
    resetStatus(draft, 'apiextensions.v1.CustomResourceDefinitionStatus');
    startGeneration(draft);
    recordStoredVersion(draft);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    countSpecGeneration(draft, old);
    recordStoredVersion(draft);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  metadata: { onCreate: 'unchecked', qualifiesFinalizers: false },
  *validate(definition) {
    const { metadata, spec } = definition;
    const expected = `${spec.names.plural ?? ''}.${spec.group ?? ''}`;
    yield* validateObjectMeta(metadata, {
      isNamespaced: false,
      qualifiesFinalizers: false,
      validateName: (name, isPrefix) => [
        ...nameIsDnsSubdomain(name, isPrefix),
        ...(name === expected ? [] : ['must be spec.names.plural+"."+spec.group']),
      ],
    });
    yield* validateDefinitionSpec(spec, undefined);
    yield* validateRest(definition, undefined);
  },
  *validateUpdate(definition, old) {
    const { spec } = definition;
    yield* validateDefinitionSpec(spec, old.spec);
    if (isEstablished(old)) {
      yield* unchanged(spec.scope, old.spec.scope, 'spec.scope');
      yield* unchanged(spec.names.kind, old.spec.names.kind, 'spec.names.kind');
    }
    yield* unchanged(spec.group ?? '', old.spec.group, 'spec.group');
    yield* unchanged(spec.names.plural ?? '', old.spec.names.plural, 'spec.names.plural');
    yield* validateRest(definition, old);
  },
  validateStatusUpdate: ({ status }) => validateNames(status.acceptedNames, 'status.acceptedNames'),
  columns: [nameColumn, createdAtColumn],
});

type Definition = CustomResourceDefinition;
type Approval = 'approved' | 'bypassed' | 'invalid' | 'missing';

const approvalAnnotation = 'api-approved.kubernetes.io';

function recordStoredVersion(draft: Draft<Definition>): void {
  const { spec, status } = draft;
  const stored = (spec.versions ?? []).find(({ storage }) => storage)?.name;
  if (stored === undefined || status.storedVersions?.includes(stored)) return;
  // The status may be the old object's own.
  draft.status = { ...status, storedVersions: [...(status.storedVersions ?? []), stored] };
}

function isEstablished({ status }: Definition): boolean {
  return (status.conditions ?? []).some(
    (condition) => condition.type === 'Established' && condition.status === 'True',
  );
}

function* validateRest(
  { metadata, spec, status }: Definition,
  old: Definition | undefined,
): Iterable<FieldError> {
  yield* validateNames(status.acceptedNames, 'status.acceptedNames');
  yield* validateStoredVersions(status.storedVersions ?? [], spec.versions ?? []);
  if (/(^|\.)(k8s|kubernetes)\.io$/.test(spec.group ?? '')) {
    const annotation = metadata.annotations?.[approvalAnnotation] ?? '';
    const approval = approvalOf(annotation);
    if (!old || approvalOf(old.metadata.annotations?.[approvalAnnotation] ?? '') !== approval) {
      yield* validateApproval(approval, annotation);
    }
  }
  if (spec.preserveUnknownFields && !old?.spec.preserveUnknownFields) {
    yield invalidValue(
      'spec.preserveUnknownFields',
      true,
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
    );
  }
}

function* validateStoredVersions(
  stored: readonly string[],
  versions: Definition['spec']['versions'],
): Iterable<FieldError> {
  const field = 'status.storedVersions';
  if (stored.length === 0) {
    yield invalidValue(field, stored, 'must have at least one stored version');
    return;
  }
  for (const [index, { name, storage }] of versions.entries()) {
    // One that is there twice is stored once.
    const isFirst = versions.findIndex((version) => version.name === name) === index;
    if (!storage || (isFirst && stored.includes(name))) continue;
    yield invalidValue(field, stored, `must have the storage version ${name}`);
  }
  for (const [index, name] of stored.entries()) {
    if (versions.some((version) => version.name === name)) continue;
    yield invalidValue(
      `${field}[${index}]`,
      name,
      `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
    );
  }
}

function approvalOf(annotation: string): Approval {
  if (!annotation) return 'missing';
  if (annotation.startsWith('unapproved')) return 'bypassed';
  return /^[a-z][a-z0-9+.-]*:\/\/[^/\s]+/i.test(annotation) ? 'approved' : 'invalid';
}

function* validateApproval(approval: Approval, annotation: string): Iterable<FieldError> {
  const field = `metadata.annotations[${approvalAnnotation}]`;
  const enhancement = 'see https://github.com/kubernetes/enhancements/pull/1111';
  const rule = `protected groups must have approval annotation "${approvalAnnotation}"`;
  if (approval === 'missing') yield required(field, `${rule}, ${enhancement}`);
  if (approval === 'invalid') {
    yield invalidValue(
      field,
      annotation,
      `${rule} with either a URL or a reason starting with "unapproved", ${enhancement}`,
    );
  }
}
