import {
  isList,
  itemsOf,
  schemaHas,
  schemaOf,
  type Schema,
} from '#shared/api/apiextensions/schema/walk.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue, required } from '#shared/kube/field-error.ts';

/**
 * Whether a schema says the type of every value outside of `allOf`, `anyOf`, `oneOf` and `not`, which
 * may only narrow it. Pruning and defaulting need that.
 */

type Level = 'field' | 'item' | 'root';

const emptyType: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};
const integerOrText = [{ type: 'integer' }, { type: 'string' }];

/** Sorted by their text, as upstream sorts them. */
export function validateStructural(schema: Schema, field: string): readonly FieldError[] {
  const text = (error: FieldError): string => `${error.field}: ${error.message}`;
  return [...validateLevel(schema, 'root', field), ...validateCompleteness(schema, field)].sort(
    (a, b) => (text(a) < text(b) ? -1 : Number(text(a) > text(b))),
  );
}

/** Why the schema cannot be structural at all. */
export function unsupportedMember(schema: Schema): string | undefined {
  const members = [
    'id',
    '$schema',
    '$ref',
    'patternProperties',
    'dependencies',
    'additionalItems',
    'definitions',
  ] as const;
  for (const member of members) {
    if (schemaHas(schema, (item) => Boolean(item[member]))) {
      return `OpenAPIV3Schema '${member.replace('$s', 's')}' is not supported`;
    }
  }
  if (schemaHas(schema, ({ items }) => items !== undefined && isList(items))) {
    return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  }
  if (schemaHas(schema, (item) => item['x-kubernetes-preserve-unknown-fields'] === false)) {
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  }
  return undefined;
}

function* validateLevel(schema: Schema, level: Level, field: string): Iterable<FieldError> {
  const { type, properties = {} } = schema;
  const items = itemsOf(schema);
  if (type === 'array' && !items) yield required(`${field}.items`, 'must be specified');
  if (items) yield* validateLevel(items, 'item', `${field}.items`);
  for (const [name, property] of Object.entries(properties)) {
    yield* validateLevel(property, 'field', `${field}.properties[${name}]`);
  }
  const additional = schemaOf(schema.additionalProperties);
  if (schema.additionalProperties !== undefined && level === 'root') {
    yield forbiddenValue(`${field}.additionalProperties`, 'must not be used at the root');
  }
  if (additional) yield* validateLevel(additional, 'field', `${field}.additionalProperties`);
  yield* validateExtensions(schema, field);
  const skipped = {
    anyOf: semanticEqual(schema.anyOf, integerOrText),
    firstAnyOf: semanticEqual(schema.allOf?.[0]?.anyOf, integerOrText),
  };
  yield* validateClauses(schema, field, skipped);
  yield* validateType(schema, level, field);
  yield* validateMetadata(schema, level, field);
}

function* validateExtensions(schema: Schema, field: string): Iterable<FieldError> {
  if (!schema['x-kubernetes-int-or-string']) return;
  for (const member of [
    'x-kubernetes-preserve-unknown-fields',
    'x-kubernetes-embedded-resource',
  ] as const) {
    if (!schema[member]) continue;
    const detail = 'must be false if x-kubernetes-int-or-string is true';
    yield invalidValue(`${field}.${member}`, true, detail);
  }
}

function* validateType(schema: Schema, level: Level, field: string): Iterable<FieldError> {
  const { type = '' } = schema;
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  const path = `${field}.type`;
  const isOpen =
    schema['x-kubernetes-int-or-string'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (isEmbedded && type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true';
    yield type ? invalidValue(path, type, detail) : required(path, detail);
  } else if (!type && !isOpen) yield required(path, emptyType[level]);
  if (isEmbedded && schema.additionalProperties !== undefined) {
    yield forbiddenValue(
      `${field}.additionalProperties`,
      'must not be used if x-kubernetes-embedded-resource is set',
    );
  }
  if (level === 'root' && type && type !== 'object') {
    yield invalidValue(path, type, 'must be object at the root');
  }
}

function* validateMetadata(schema: Schema, level: Level, field: string): Iterable<FieldError> {
  const { properties = {} } = schema;
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  const isObject = level === 'root' || isEmbedded;
  for (const name of ['kind', 'apiVersion']) {
    const property = properties[name];
    if (!isObject || !property || property.type === 'string') continue;
    yield invalidValue(`${field}.properties[${name}].type`, property.type, 'must be string');
  }
  const { metadata } = properties;
  if (metadata) {
    const path = `${field}.properties[metadata]`;
    if (isObject && metadata.type !== 'object') {
      yield invalidValue(`${path}.type`, metadata.type, 'must be object');
    }
    const { type: _type, default: _default, properties: names = {}, ...others } = metadata;
    const allowed = ['name', 'generateName'];
    const isPlain = Object.keys(names).every((name) => allowed.includes(name));
    if (level === 'root' && (!isPlain || Object.keys(others).length > 0)) {
      yield forbiddenValue(
        path,
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      );
    }
  }
  const needsProperties = isEmbedded && !schema['x-kubernetes-preserve-unknown-fields'];
  if (needsProperties && Object.keys(properties).length === 0) {
    yield required(
      `${field}.properties`,
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
    );
  }
}

interface Skipped {
  readonly anyOf: boolean;
  readonly firstAnyOf: boolean;
}

function* validateClauses(schema: Schema, field: string, skipped: Skipped): Iterable<FieldError> {
  const { anyOf = [], allOf = [], oneOf = [], not, pattern } = schema;
  for (const [index, clause] of (skipped.anyOf ? [] : anyOf).entries()) {
    yield* validateNested(clause, `${field}.anyOf[${index}]`);
  }
  for (const [index, clause] of allOf.entries()) {
    const skipsAnyOf = skipped.firstAnyOf && index === 0;
    yield* validateNested(clause, `${field}.allOf[${index}]`, skipsAnyOf);
  }
  for (const [index, clause] of oneOf.entries()) {
    yield* validateNested(clause, `${field}.oneOf[${index}]`);
  }
  if (not) yield* validateNested(not, `${field}.not`);
  if (pattern && !isRegularExpression(pattern)) {
    yield invalidValue(
      `${field}.pattern`,
      pattern,
      "must be a valid regular expression, but isn't: error parsing regexp",
    );
  }
}

function isRegularExpression(pattern: string): boolean {
  try {
    return new RegExp(pattern.replace(/\(\?[imsU]+\)/g, '')) instanceof RegExp;
  } catch {
    return false;
  }
}

function* validateNested(schema: Schema, field: string, skipsAnyOf = false): Iterable<FieldError> {
  yield* validateClauses(schema, field, { anyOf: skipsAnyOf, firstAnyOf: false });
  const items = itemsOf(schema);
  if (items) yield* validateNested(items, `${field}.items`);
  const { properties = {} } = schema;
  for (const [name, property] of Object.entries(properties)) {
    yield* validateNested(property, `${field}.properties[${name}]`);
  }
  for (const [member, requirement] of Object.entries(forbiddenInClauses)) {
    const value = schema[member as keyof Schema];
    if (value === undefined || value === '' || value === false) continue;
    yield forbiddenValue(`${field}.${member}`, `must be ${requirement} to be structural`);
  }
  if (properties['metadata']) {
    yield forbiddenValue(
      `${field}.properties[metadata]`,
      'must not be specified in a nested context',
    );
  }
}

const forbiddenInClauses: Readonly<Record<string, string>> = {
  type: 'empty',
  additionalProperties: 'undefined',
  default: 'undefined',
  title: 'empty',
  description: 'empty',
  nullable: 'false',
  'x-kubernetes-preserve-unknown-fields': 'false',
  'x-kubernetes-embedded-resource': 'false',
  'x-kubernetes-int-or-string': 'false',
  'x-kubernetes-list-map-keys': 'empty',
  'x-kubernetes-list-type': 'undefined',
  'x-kubernetes-map-type': 'undefined',
  'x-kubernetes-validations': 'empty',
};

/** What clauses mention must be specified outside of them. */
function* validateCompleteness(schema: Schema, field: string): Iterable<FieldError> {
  const clauses = ['allOf', 'anyOf', 'oneOf'] as const;
  for (const member of clauses) {
    for (const clause of schema[member] ?? []) yield* completeFor(clause, schema, field);
  }
  if (schema.not) yield* completeFor(schema.not, schema, field);
  const items = itemsOf(schema);
  if (items) yield* validateCompleteness(items, `${field}.items`);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    yield* validateCompleteness(property, `${field}.properties[${name}]`);
  }
  const additional = schemaOf(schema.additionalProperties);
  if (additional) yield* validateCompleteness(additional, `${field}.additionalProperties`);
}

function* completeFor(clause: Schema, schema: Schema, field: string): Iterable<FieldError> {
  const clauses = [...(clause.allOf ?? []), ...(clause.anyOf ?? []), ...(clause.oneOf ?? [])];
  for (const inner of clauses) yield* completeFor(inner, schema, field);
  if (clause.not) yield* completeFor(clause.not, schema, field);
  const items = itemsOf(clause);
  if (items) {
    const target = itemsOf(schema);
    const path = `${field}.items`;
    if (target) yield* completeFor(items, target, path);
    else yield required(path, `because it is defined in ${path}`);
  }
  for (const [name, property] of Object.entries(clause.properties ?? {})) {
    const path = `${field}.properties[${name}]`;
    const target = schema.properties?.[name];
    if (target) yield* completeFor(property, target, path);
    else yield required(path, `because it is defined in ${path}`);
  }
}
