import { schemaAt } from '#shared/api/apiextensions/schema/field-path.ts';
import { isList, schemaOf, type Schema } from '#shared/api/apiextensions/schema/walk.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  forbiddenValue,
  invalidValue,
  notOneOf,
  notSupported,
  required,
} from '#shared/kube/field-error.ts';
import { validateListType, validateMapType } from '#shared/api/apiextensions/schema/list-type.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const unsupported = [
  'id',
  'additionalItems',
  'patternProperties',
  'definitions',
  'dependencies',
  '$ref',
] as const;
const reasons = [
  'FieldValueDuplicate',
  'FieldValueForbidden',
  'FieldValueInvalid',
  'FieldValueRequired',
];
const metadataNames = ['metadata', 'kind', 'apiVersion'];

interface Place {
  readonly isRoot: boolean;
  readonly isInMetadata: boolean;
  /** Why a default cannot be here. */
  readonly forbidsDefaults?: string;
}

const inner: Place = { isRoot: false, isInMetadata: false };

export function validateOpenApi(schema: Schema, field: string): Iterable<FieldError> {
  return validateProps(schema, field, { ...inner, isRoot: true });
}

function* validateProps(schema: Schema, field: string, place: Place): Iterable<FieldError> {
  yield* validateMembers(schema, field, place);
  const here = { ...place, isRoot: false };
  const { properties = {}, additionalProperties } = schema;
  if (additionalProperties !== undefined) {
    if (Object.keys(properties).length > 0 && additionalProperties !== true) {
      yield forbiddenValue(
        `${field}.additionalProperties`,
        'additionalProperties and properties are mutual exclusive',
      );
    }
    const additional = schemaOf(additionalProperties);
    const forbidsDefaults = 'inside additionalProperties applying to object metadata';
    const there = place.isInMetadata ? { ...here, forbidsDefaults } : here;
    if (additional) yield* validateProps(additional, `${field}.additionalProperties`, there);
  }
  for (const [name, property] of Object.entries(properties)) {
    yield* validateProps(property, `${field}.properties[${name}]`, placeOf(name, schema, place));
  }
  yield* validateClauses(schema, field, here);
  const { items } = schema;
  if (items) {
    for (const [index, item] of (isList(items) ? items : [items]).entries()) {
      const path = isList(items) ? `${field}.items[${index}]` : `${field}.items`;
      yield* validateProps(item, path, here);
    }
  }
  yield* validateExtensions(schema, field);
}

function placeOf(name: string, schema: Schema, place: Place): Place {
  const here = { ...place, isRoot: false };
  const isObject = place.isRoot || schema['x-kubernetes-embedded-resource'] === true;
  if (!isObject || !metadataNames.includes(name)) return here;
  const there = { ...here, isInMetadata: true };
  return place.isRoot ? { ...there, forbidsDefaults: `in top-level ${name}` } : there;
}

function* validateClauses(schema: Schema, field: string, place: Place): Iterable<FieldError> {
  if (schema.not) yield* validateProps(schema.not, `${field}.not`, place);
  for (const member of ['allOf', 'oneOf', 'anyOf'] as const) {
    for (const [index, clause] of (schema[member] ?? []).entries()) {
      yield* validateProps(clause, `${field}.${member}[${index}]`, place);
    }
  }
}

function* validateMembers(
  schema: Schema,
  field: string,
  { forbidsDefaults, isInMetadata }: Place,
): Iterable<FieldError> {
  const { type = '', items } = schema;
  if (type && !types.includes(type)) yield notSupported(`${field}.type`, type, types);
  if (schema.default !== undefined && forbidsDefaults) {
    yield forbiddenValue(`${field}.default`, `must not be set ${forbidsDefaults}`);
  }
  for (const member of unsupported) {
    if (schema[member] === undefined) continue;
    yield forbiddenValue(`${field}.${member}`, `${member} is not supported`);
  }
  if (type === 'null') {
    yield forbiddenValue(
      `${field}.type`,
      'type cannot be set to null, use nullable as an alternative',
    );
  }
  if (items && isList(items)) {
    yield forbiddenValue(`${field}.items`, 'items must be a schema object and not an array');
  }
  if (isInMetadata && schema['x-kubernetes-embedded-resource']) {
    yield forbiddenValue(
      `${field}.x-kubernetes-embedded-resource`,
      'must not be used inside of resource meta',
    );
  }
  if (schema.uniqueItems) {
    yield forbiddenValue(
      `${field}.uniqueItems`,
      'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
    );
  }
}

function* validateExtensions(schema: Schema, field: string): Iterable<FieldError> {
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    yield invalidValue(
      `${field}.x-kubernetes-preserve-unknown-fields`,
      false,
      'must be true or undefined',
    );
  }
  yield* validateMapType(schema, field);
  yield* validateListType(schema, field);
  for (const [index, rule] of (schema['x-kubernetes-validations'] ?? []).entries()) {
    yield* validateRule(rule, schema, `${field}.x-kubernetes-validations[${index}]`);
  }
}

type Rule = NonNullable<Schema['x-kubernetes-validations']>[number];

function* validateRule(rule: Rule, schema: Schema, field: string): Iterable<FieldError> {
  const { message = '', messageExpression = '', reason, fieldPath = '' } = rule;
  const text = (rule.rule ?? '').trim();
  const empty = 'must be non-empty if specified';
  const broken = 'must not contain line breaks';
  if (!text) yield required(`${field}.rule`, 'rule is not specified');
  else if (message && !message.trim()) yield invalidValue(`${field}.message`, message, empty);
  else if (/[\n\r]/.test(message.trim())) {
    yield invalidValue(`${field}.message`, message, broken);
  } else if (/[\n\r]/.test(text) && !message.trim()) {
    yield required(`${field}.message`, 'message must be specified if rule contains line breaks');
  }
  if (messageExpression && !messageExpression.trim()) {
    yield required(`${field}.messageExpression`, `messageExpression ${empty}`);
  }
  if (reason !== undefined && !reasons.includes(reason)) {
    yield notOneOf(`${field}.reason`, reason, reasons);
  }
  const path = `${field}.fieldPath`;
  if (fieldPath && !fieldPath.trim()) yield invalidValue(path, fieldPath, empty);
  if (/[\n\r]/.test(fieldPath)) yield invalidValue(path, fieldPath, broken);
  if (fieldPath && !schemaAt(schema, fieldPath)) {
    yield invalidValue(path, fieldPath, 'must be a valid path');
  }
}
