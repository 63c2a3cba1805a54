import { validateDefaults } from '#shared/api/apiextensions/schema/default-values.ts';
import { validateOpenApi } from '#shared/api/apiextensions/schema/openapi.ts';
import { validateRules } from '#shared/api/apiextensions/schema/rules.ts';
import {
  unsupportedMember,
  validateStructural,
} from '#shared/api/apiextensions/schema/structural.ts';
import type { Schema } from '#shared/api/apiextensions/schema/walk.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue } from '#shared/kube/field-error.ts';

const allowedAtRoot = new Set([
  'description',
  'type',
  'format',
  'title',
  'maximum',
  'exclusiveMaximum',
  'minimum',
  'exclusiveMinimum',
  'maxLength',
  'minLength',
  'pattern',
  'maxItems',
  'minItems',
  'uniqueItems',
  'multipleOf',
  'required',
  'items',
  'properties',
  'externalDocs',
  'example',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
]);
const rootMembers =
  '[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]';

/** The schema of one version; with a status subresource its root cannot say much. */
export function* validateSchema(
  schema: Schema,
  field: string,
  hasStatus: boolean,
): Iterable<FieldError> {
  const errors = [...(hasStatus ? validateRoot(schema, field) : [])];
  if (schema.nullable) {
    errors.push(forbiddenValue(`${field}.nullable`, 'nullable cannot be true at the root'));
  }
  const unsupported = unsupportedMember(schema);
  const structural = unsupported === undefined ? validateStructural(schema, field) : [];
  const defaults =
    unsupported === undefined && structural.length === 0
      ? [...validateDefaults(schema, field)]
      : [];
  const wrong = [...validateOpenApi(schema, field)];
  errors.push(...structural, ...defaults, ...wrong);
  const isSound = unsupported === undefined && structural.length + defaults.length === 0;
  if (isSound) errors.push(...validateRules(schema, field, wrong));
  yield* errors;
  if (errors.length === 0 && unsupported !== undefined) yield invalidValue(field, '', unsupported);
}

function* validateRoot(schema: Schema, field: string): Iterable<FieldError> {
  for (const [member, value] of Object.entries(schema)) {
    if (value === undefined || value === false) continue;
    if (member === 'type' && value !== 'object') {
      yield invalidValue(
        `${field}.type`,
        value,
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
      );
      return;
    }
    if (allowedAtRoot.has(member)) continue;
    yield invalidValue(
      field,
      schema,
      `only ${rootMembers} fields are allowed at the root of the schema if the status subresource is enabled`,
    );
    return;
  }
}
