import { itemsOf, schemaOf, type Schema } from '#shared/api/apiextensions/schema/walk.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  invalidValue,
  notOneOf,
  required,
  tooLong,
  tooMany,
  typeInvalid,
} from '#shared/kube/field-error.ts';

type Json = Readonly<Record<string, unknown>>;

/** Defaults have to be what the schema asks for. */
export function* validateDefaults(schema: Schema, field: string): Iterable<FieldError> {
  if (schema.default !== undefined) {
    const path = `${field}.default`;
    if (hasUnknownFields(schema.default, schema)) {
      yield invalidValue(path, schema.default, 'must not have unknown fields');
    }
    yield* validateValue(schema.default, schema, path);
  }
  const items = itemsOf(schema);
  if (items) yield* validateDefaults(items, `${field}.items`);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    yield* validateDefaults(property, `${field}.properties[${name}]`);
  }
}

function hasUnknownFields(value: unknown, schema: Schema): boolean {
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    return items !== undefined && value.some((item) => hasUnknownFields(item, items));
  }
  if (!isObject(value) || schema['x-kubernetes-preserve-unknown-fields']) return false;
  return Object.entries(value).some(([name, item]) => {
    const known = schema.properties?.[name] ?? schemaOf(schema.additionalProperties);
    if (known) return hasUnknownFields(item, known);
    return schema.additionalProperties !== true;
  });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function* validateValue(value: unknown, schema: Schema, field: string): Iterable<FieldError> {
  if (value === null && schema.nullable) return;
  const { type, enum: allowed } = schema;
  if (type && !hasType(value, type)) {
    const actual = typeOf(value);
    yield typeInvalid(
      field,
      actual,
      `${field} in body must be of type ${type}: ${JSON.stringify(actual)}`,
    );
  }
  if (typeof value === 'string') yield* validateText(value, schema, field);
  if (typeof value === 'number') yield* validateNumber(value, schema, field);
  if (Array.isArray(value)) yield* validateList(value, schema, field);
  if (allowed?.length && !allowed.some((item) => semanticEqual(item, value))) {
    yield notOneOf(
      field,
      value,
      allowed.map((item) => (typeof item === 'string' ? item : JSON.stringify(item))),
    );
  }
  if (isObject(value)) yield* validateMembers(value, schema, field);
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function hasType(value: unknown, type: string): boolean {
  const actual = typeOf(value);
  return actual === type || (type === 'number' && actual === 'integer');
}

function* validateText(value: string, schema: Schema, field: string): Iterable<FieldError> {
  const { maxLength, minLength, pattern } = schema;
  const length = Array.from(value).length;
  if (maxLength !== undefined && length > maxLength) yield tooLong(field, maxLength);
  if (minLength !== undefined && length < minLength) {
    const detail = `${field} in body should be at least ${minLength} chars long`;
    yield invalidValue(field, value, detail);
  }
  if (pattern && !new RegExp(pattern, 'u').test(value)) {
    yield invalidValue(field, value, `${field} in body should match '${pattern}'`);
  }
}

function* validateNumber(value: number, schema: Schema, field: string): Iterable<FieldError> {
  const { maximum, minimum, exclusiveMaximum, exclusiveMinimum, multipleOf } = schema;
  const body = `${field} in body should be`;
  if (multipleOf && value % multipleOf !== 0) {
    yield invalidValue(field, value, `${body} a multiple of ${multipleOf}`);
  }
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    const relation = exclusiveMaximum ? 'less than' : 'less than or equal to';
    yield invalidValue(field, value, `${body} ${relation} ${maximum}`);
  }
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    const relation = exclusiveMinimum ? 'greater than' : 'greater than or equal to';
    yield invalidValue(field, value, `${body} ${relation} ${minimum}`);
  }
}

function* validateList(
  value: readonly unknown[],
  schema: Schema,
  field: string,
): Iterable<FieldError> {
  const { maxItems, minItems } = schema;
  const items = itemsOf(schema);
  if (items) {
    for (const [index, item] of value.entries()) {
      yield* validateValue(item, items, `${field}[${index}]`);
    }
  }
  if (minItems !== undefined && value.length < minItems) {
    const detail = `${field} in body should have at least ${minItems} items`;
    yield invalidValue(field, value.length, detail);
  }
  if (maxItems !== undefined && value.length > maxItems) {
    yield tooMany(field, value.length, maxItems);
  }
}

function* validateMembers(value: Json, schema: Schema, field: string): Iterable<FieldError> {
  for (const name of schema.required ?? []) {
    if (value[name] === undefined) yield required(`${field}.${name}`);
  }
  for (const [name, item] of Object.entries(value)) {
    const known = schema.properties?.[name] ?? schemaOf(schema.additionalProperties);
    if (known) yield* validateValue(item, known, `${field}.${name}`);
  }
}
