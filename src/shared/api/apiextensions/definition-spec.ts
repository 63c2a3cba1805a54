import type {
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from '#shared/api/types/apiextensions-v1.ts';
import { validateConversion } from '#shared/api/apiextensions/conversion.ts';
import { hoisted, type Settings } from '#shared/api/apiextensions/hoisted.ts';
import { schemaHas } from '#shared/api/apiextensions/schema/walk.ts';
import { validateSettings } from '#shared/api/apiextensions/settings.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { dns1035Label, dns1123Subdomain } from '#shared/kube/names.ts';

type Spec = CustomResourceDefinitionSpec;
type Versions = readonly CustomResourceDefinitionVersion[];

const mixedCase = 'may have mixed case, but should otherwise match: ';

export function* validateDefinitionSpec(spec: Spec, old: Spec | undefined): Iterable<FieldError> {
  yield* validateGroup(spec.group);
  if (!spec.scope) yield required('spec.scope');
  else if (spec.scope !== 'Cluster' && spec.scope !== 'Namespaced') {
    yield notOneOf('spec.scope', spec.scope, ['Cluster', 'Namespaced']);
  }
  const { common, versions } = hoisted(spec);
  yield* requireSchemas(spec, old);
  if (spec.preserveUnknownFields && (spec.versions ?? []).some(hasDefaults)) {
    yield invalidValue(
      'spec.preserveUnknownFields',
      true,
      'must be false in order to use defaults in the schema',
    );
  }
  const own = versions.some((version) => version.subresources);
  for (const [index, version] of versions.entries()) {
    const path = `spec.versions[${index}]`;
    const problems = dns1035Label(version.name ?? '');
    if (problems.length > 0) {
      yield invalidValue(`${path}.name`, version.name ?? '', problems.join(','));
    }
    yield* validateDeprecation(version, `${path}.deprecationWarning`);
    const { status } = (own ? version : common).subresources ?? {};
    yield* validateSettings(version, path, {
      hasStatus: status !== undefined,
      schemaName: 'schema',
    });
  }
  yield* validateVersions(versions);
  yield* validateRequiredNames(spec.names);
  yield* validateNames(spec.names, 'spec.names');
  yield* validateCommon(common, versions);
  yield* validateConversion(spec, old);
}

function validateCommon(common: Settings, versions: Versions): Iterable<FieldError> {
  const hasStatus = [common, ...versions].some((item) => item.subresources?.status !== undefined);
  return validateSettings(common, 'spec', { hasStatus, schemaName: 'validation' });
}

function hasDefaults({ schema }: Settings): boolean {
  return schemaHas(schema?.openAPIV3Schema, (item: JSONSchemaProps) => item.default !== undefined);
}

function* validateGroup(group: string | undefined): Iterable<FieldError> {
  if (!group) {
    yield required('spec.group');
    return;
  }
  const problems = dns1123Subdomain(group);
  if (problems.length > 0) yield invalidValue('spec.group', group, problems.join(','));
  else if (!group.includes('.')) {
    yield invalidValue('spec.group', group, 'should be a domain with at least one dot');
  }
}

function* requireSchemas({ versions }: Spec, old: Spec | undefined): Iterable<FieldError> {
  const lacksSchema = ({ schema }: Settings): boolean => !schema?.openAPIV3Schema;
  const isLenient = (old?.versions ?? []).some(lacksSchema);
  for (const [index, version] of (versions ?? []).entries()) {
    if (!lacksSchema(version) || (isLenient && !version.served)) continue;
    yield required(
      `spec.versions[${index}].schema.openAPIV3Schema`,
      isLenient ? 'because otherwise all fields are pruned' : '',
    );
  }
}

function* validateDeprecation(
  { deprecated, deprecationWarning: warning }: CustomResourceDefinitionVersion,
  field: string,
): Iterable<FieldError> {
  if (warning === undefined) return;
  if (!deprecated) {
    yield invalidValue(field, warning, 'can only be set for deprecated versions');
    return;
  }
  if (warning.length > 256) yield invalidValue(field, warning, 'must be <= 256 characters long');
  if (!warning) yield invalidValue(field, warning, 'must not be an empty string');
  const bad = warning.search(/[^\P{C}]|[^\P{Z} ]/u);
  if (bad >= 0) {
    yield invalidValue(
      field,
      warning,
      `must only contain printable UTF-8 characters; non-printable character found at index ${bad}`,
    );
  }
}

function* validateVersions(versions: Versions): Iterable<FieldError> {
  const field = 'spec.versions';
  const names = versions.map(({ name }) => name);
  if (new Set(names).size < names.length) {
    yield invalidValue(field, versions, 'must contain unique version names');
  }
  if (versions.filter(({ storage }) => storage).length !== 1) {
    yield invalidValue(field, versions, 'must have exactly one version marked as storage version');
  }
  const [first] = names;
  if (!first) return;
  const problems = dns1035Label(first);
  if (problems.length > 0) yield invalidValue('spec.version', first, problems.join(','));
}

function* validateRequiredNames(names: CustomResourceDefinitionNames): Iterable<FieldError> {
  for (const member of ['plural', 'singular', 'kind', 'listKind'] as const) {
    if (!names[member]) yield required(`spec.names.${member}`);
  }
}

export function* validateNames(
  names: CustomResourceDefinitionNames,
  field: string,
): Iterable<FieldError> {
  for (const member of ['plural', 'singular', 'kind', 'listKind'] as const) {
    const name = names[member];
    if (!name) continue;
    const isMixed = member === 'kind' || member === 'listKind';
    const problems = dns1035Label(isMixed ? name.toLowerCase() : name);
    if (problems.length === 0) continue;
    const detail = `${isMixed ? mixedCase : ''}${problems.join(',')}`;
    yield invalidValue(`${field}.${member}`, name, detail);
  }
  yield* validateLabels(names.shortNames ?? [], `${field}.shortNames`);
  if (names.kind && names.kind === names.listKind) {
    yield invalidValue(
      `${field}.listKind`,
      names.listKind,
      'kind and listKind may not be the same',
    );
  }
  yield* validateLabels(names.categories ?? [], `${field}.categories`);
}

function* validateLabels(labels: readonly string[], field: string): Iterable<FieldError> {
  for (const [index, label] of labels.entries()) {
    const problems = dns1035Label(label);
    if (problems.length > 0) yield invalidValue(`${field}[${index}]`, label, problems.join(','));
  }
}
