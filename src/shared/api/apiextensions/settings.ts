import type {
  CustomResourceColumnDefinition,
  CustomResourceSubresources,
  JSONSchemaProps,
  SelectableField,
} from '#shared/api/types/apiextensions-v1.ts';
import type { Settings } from '#shared/api/apiextensions/hoisted.ts';
import { schemaAt } from '#shared/api/apiextensions/schema/field-path.ts';
import { validateSchema } from '#shared/api/apiextensions/schema/validate.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, invalidValue, required, tooMany } from '#shared/kube/field-error.ts';

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = [
  'byte',
  'date',
  'date-time',
  'double',
  'float',
  'int32',
  'int64',
  'password',
];
const selectableTypes = ['boolean', 'integer', 'string'];
const mostSelectableFields = 8;

interface Place {
  readonly hasStatus: boolean;
  /** Upstream's name for the schema differs between one version and all of them. */
  readonly schemaName: 'schema' | 'validation';
}

export function* validateSettings(
  settings: Settings,
  field: string,
  { hasStatus, schemaName }: Place,
): Iterable<FieldError> {
  const { schema, subresources, additionalPrinterColumns = [], selectableFields } = settings;
  const root = schema?.openAPIV3Schema;
  if (root) yield* validateSchema(root, `${field}.${schemaName}.openAPIV3Schema`, hasStatus);
  if (subresources) yield* validateScale(subresources, `${field}.subresources.scale`);
  for (const [index, column] of additionalPrinterColumns.entries()) {
    yield* validateColumn(column, `${field}.additionalPrinterColumns[${index}]`);
  }
  if (!selectableFields?.length) return;
  const path = `${field}.selectableFields`;
  if (root) yield* validateSelectable(selectableFields, root, path);
  else {
    yield invalidValue(
      path,
      '',
      schemaName === 'schema'
        ? 'may only be set when `version.schema.openAPIV3Schema` is not included'
        : 'may only be set when validations.schema is included',
    );
  }
}

function* validateScale(
  { scale }: CustomResourceSubresources,
  field: string,
): Iterable<FieldError> {
  if (!scale) return;
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  yield* validateReplicasPath(specReplicasPath, `${field}.specReplicasPath`, 'spec');
  yield* validateReplicasPath(statusReplicasPath, `${field}.statusReplicasPath`, 'status');
  if (!labelSelectorPath) return;
  const path = `${field}.labelSelectorPath`;
  if (!labelSelectorPath.startsWith('.')) yield notSimple(labelSelectorPath, path);
  else if (!/^\.(spec|status)\./.test(labelSelectorPath)) {
    yield invalidValue(
      path,
      labelSelectorPath,
      'should be a json path under either .spec or .status',
    );
  }
}

function* validateReplicasPath(
  path: string | undefined,
  field: string,
  member: 'spec' | 'status',
): Iterable<FieldError> {
  if (!path) yield required(field);
  else if (!path.startsWith('.')) yield notSimple(path, field);
  else if (!path.startsWith(`.${member}.`)) {
    yield invalidValue(field, path, `should be a json path under .${member}`);
  }
}

function notSimple(path: string, field: string): FieldError {
  return invalidValue(field, path, 'must be a simple json path starting with .');
}

function* validateColumn(
  { name, type, format, jsonPath }: CustomResourceColumnDefinition,
  field: string,
): Iterable<FieldError> {
  if (!name) yield required(`${field}.name`);
  const types = `must be one of ${columnTypes.join(',')}`;
  if (!type) yield required(`${field}.type`, types);
  else if (!columnTypes.includes(type)) yield invalidValue(`${field}.type`, type, types);
  if (format && !columnFormats.includes(format)) {
    yield invalidValue(`${field}.format`, format, `must be one of ${columnFormats.join(',')}`);
  }
  if (!jsonPath) yield required(`${field}.JSONPath`);
  else if (!jsonPath.startsWith('.')) yield notSimple(jsonPath, `${field}.JSONPath`);
}

function* validateSelectable(
  fields: readonly SelectableField[],
  root: JSONSchemaProps,
  field: string,
): Iterable<FieldError> {
  const seen = new Set<string>();
  for (const [index, { jsonPath }] of fields.entries()) {
    const path = `${field}[${index}].jsonPath`;
    if (!jsonPath) {
      yield required(path);
      continue;
    }
    const found = jsonPath.includes('[') ? undefined : schemaAt(root, jsonPath);
    if (!found) {
      yield invalidValue(path, jsonPath, 'is an invalid path: does not refer to a field');
      continue;
    }
    if (jsonPath.startsWith('.metadata')) {
      yield invalidValue(path, jsonPath, 'must not point to fields in metadata');
    }
    if (!selectableTypes.includes(found.type ?? '')) {
      yield invalidValue(
        path,
        jsonPath,
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      );
    }
    if (seen.has(jsonPath)) yield duplicateValue(path, jsonPath);
    seen.add(jsonPath);
  }
  if (seen.size > mostSelectableFields) yield tooMany(field, seen.size, mostSelectableFields);
}
