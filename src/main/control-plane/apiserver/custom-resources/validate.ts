import { itemsOf } from '#main/control-plane/apiserver/custom-resources/shape.ts';
import type { JSONSchemaProps } from '#shared/api/types/apiextensions-v1.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  duplicateValue,
  invalidValue,
  notSupported,
  required,
  tooMany,
  typeInvalid,
} from '#shared/kube/field-error.ts';
import { semanticEqual } from '#shared/kube/equality.ts';

type Values = Readonly<Record<string, unknown>>;

/** Everything in which a value does not fit its schema, worded as upstream's validator. */
export function* validateValue(
  schema: JSONSchemaProps,
  value: unknown,
  path: string,
): Iterable<FieldError> {
  if (value === null && schema.nullable) return;
  const wrongType = typeProblem(schema, value, path);
  if (wrongType) {
    yield wrongType;
    return;
  }
  yield* enumProblems(schema, value, path);
  if (typeof value === 'string') yield* stringProblems(schema, value, path);
  else if (typeof value === 'number') yield* numberProblems(schema, value, path);
  else if (Array.isArray(value)) yield* listProblems(schema, value, path);
  else if (typeof value === 'object' && value !== null) {
    yield* objectProblems(schema, value as Values, path);
  }
  yield* combinationProblems(schema, value, path);
}

function typeProblem(
  schema: JSONSchemaProps,
  value: unknown,
  path: string,
): FieldError | undefined {
  const expected = schema['x-kubernetes-int-or-string'] ? 'integer,string' : (schema.type ?? '');
  if (expected === '' || expected.split(',').some((type) => isOfType(type, value)))
    return undefined;
  return typeInvalid(
    path,
    value === null ? 'null' : typeName(value),
    `${path} in body must be of type ${expected}: ${JSON.stringify(typeName(value))}`,
  );
}

function isOfType(type: string, value: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object')
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function* enumProblems(
  { enum: allowed }: JSONSchemaProps,
  value: unknown,
  path: string,
): Iterable<FieldError> {
  if (!allowed || allowed.some((each) => semanticEqual(each, value))) return;
  yield notSupported(
    path,
    value,
    allowed.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))),
  );
}

function* stringProblems(
  schema: JSONSchemaProps,
  value: string,
  path: string,
): Iterable<FieldError> {
  const { maxLength, minLength, pattern, format } = schema;
  const length = Array.from(value).length; // in code points, as Go counts
  if (maxLength !== undefined && length > maxLength) {
    yield {
      type: 'FieldValueTooLong',
      field: path,
      message: `Too long: may not be more than ${maxLength} bytes`,
    };
  }
  if (minLength !== undefined && length < minLength) {
    yield invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`);
  }
  if (pattern !== undefined && !patternOf(pattern).test(value)) {
    yield invalidValue(path, value, `${path} in body should match '${pattern}'`);
  }
  const check = format && formats[format];
  if (check && !check(value)) {
    yield invalidValue(
      path,
      value,
      `${path} in body must be of type ${format}: ${JSON.stringify(value)}`,
    );
  }
}

const patterns = new Map<string, RegExp>();

/** Go's regular expressions, as far as JavaScript's differ: a leading `(?i)`, `\A`, `\z`. */
function patternOf(pattern: string): RegExp {
  let compiled = patterns.get(pattern);
  if (!compiled) {
    const isCaseless = pattern.startsWith('(?i)');
    const source = pattern
      .slice(isCaseless ? 4 : 0)
      .replaceAll(String.raw`\A`, '^')
      .replaceAll(String.raw`\z`, '$');
    compiled = compileLoosely(source, isCaseless ? 'i' : '');
    patterns.set(pattern, compiled);
  }
  return compiled;
}

function compileLoosely(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, `${flags}u`);
  } catch {
    return new RegExp(source, flags); // escapes that only the older syntax lets pass
  }
}

const formats: Readonly<Record<string, (value: string) => boolean>> = {
  'date-time': (value) =>
    /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(value),
  date: (value) => /^\d{4}-\d\d-\d\d$/.test(value),
  email: (value) => /^[^@\s]+@[^@\s]+$/.test(value),
  ipv4: (value) =>
    /^(\d{1,3}\.){3}\d{1,3}$/.test(value) && value.split('.').every((part) => Number(part) < 256),
  ipv6: (value) => value.includes(':') && /^[0-9a-fA-F:.]+$/.test(value),
  uuid: (value) =>
    /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(value),
  byte: (value) => /^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0,
  hostname: (value) =>
    value.length <= 253 &&
    /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*$/.test(
      value,
    ),
};

function* numberProblems(
  schema: JSONSchemaProps,
  value: number,
  path: string,
): Iterable<FieldError> {
  const { maximum, minimum, exclusiveMaximum, exclusiveMinimum, multipleOf } = schema;
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    const than = exclusiveMaximum ? 'less than' : 'less than or equal to';
    yield invalidValue(path, value, `${path} in body should be ${than} ${maximum}`);
  }
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    const than = exclusiveMinimum ? 'greater than' : 'greater than or equal to';
    yield invalidValue(path, value, `${path} in body should be ${than} ${minimum}`);
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    yield invalidValue(path, value, `${path} in body should be a multiple of ${multipleOf}`);
  }
}

function* listProblems(
  schema: JSONSchemaProps,
  value: readonly unknown[],
  path: string,
): Iterable<FieldError> {
  const { maxItems, minItems, uniqueItems } = schema;
  if (maxItems !== undefined && value.length > maxItems)
    yield tooMany(path, value.length, maxItems);
  if (minItems !== undefined && value.length < minItems) {
    yield invalidValue(
      path,
      value.length,
      `${path} in body should have at least ${minItems} items`,
    );
  }
  if (uniqueItems && new Set(value.map((item) => JSON.stringify(item))).size < value.length) {
    yield invalidValue(path, value, `${path} in body shouldn't contain duplicates`);
  }
  yield* keyProblems(schema, value, path);
  const items = itemsOf(schema);
  if (!items) return;
  for (const [index, item] of value.entries())
    yield* validateValue(items, item, `${path}[${index}]`);
}

/** Lists that are sets or maps hold each item once. */
function* keyProblems(
  schema: JSONSchemaProps,
  value: readonly unknown[],
  path: string,
): Iterable<FieldError> {
  const listType = schema['x-kubernetes-list-type'];
  if (listType !== 'set' && listType !== 'map') return;
  const names = schema['x-kubernetes-list-map-keys'] ?? [];
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const shown =
      listType === 'set'
        ? item
        : Object.fromEntries(names.map((name) => [name, (item as Values)[name]]));
    const key = JSON.stringify(shown);
    if (seen.has(key)) yield duplicateValue(`${path}[${index}]`, shown);
    seen.add(key);
  }
}

function* objectProblems(
  schema: JSONSchemaProps,
  value: Values,
  path: string,
): Iterable<FieldError> {
  const { properties, additionalProperties, maxProperties, minProperties } = schema;
  const keys = Object.keys(value);
  const below = (key: string): string => (path ? `${path}.${key}` : key);
  if (maxProperties !== undefined && keys.length > maxProperties)
    yield tooMany(path, keys.length, maxProperties);
  if (minProperties !== undefined && keys.length < minProperties) {
    yield invalidValue(
      path,
      keys.length,
      `${path} in body should have at least ${minProperties} properties`,
    );
  }
  for (const key of schema.required ?? []) if (value[key] === undefined) yield required(below(key));
  for (const key of keys) {
    const own = properties && Object.hasOwn(properties, key) ? properties[key] : undefined;
    const member =
      own ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
    if (member) yield* validateValue(member, value[key], below(key));
  }
}

function* combinationProblems(
  schema: JSONSchemaProps,
  value: unknown,
  path: string,
): Iterable<FieldError> {
  const { allOf, anyOf, oneOf, not } = schema;
  const fits = (each: JSONSchemaProps): boolean =>
    [...validateValue(each, value, path)].length === 0;
  for (const each of allOf ?? []) yield* validateValue(each, value, path);
  if (anyOf && !anyOf.some(fits)) {
    yield invalidValue(
      path,
      shown(value),
      `${path} in body must validate at least one schema (anyOf)`,
    );
    const [first] = anyOf;
    if (first) yield* validateValue(first, value, path);
  }
  if (oneOf) {
    const count = oneOf.filter(fits).length;
    const found = count === 0 ? 'Found none valid' : `Found ${count} valid alternatives`;
    if (count !== 1) {
      yield invalidValue(
        path,
        shown(value),
        `${path} in body must validate one and only one schema (oneOf). ${found}`,
      );
    }
  }
  if (not && fits(not))
    yield invalidValue(path, shown(value), `${path} in body must not validate the schema (not)`);
}

function shown(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? typeName(value) : value;
}
