import type {
  DeviceConfiguration,
  DeviceSelector,
  DeviceToleration,
} from '#shared/api/types/resource-v1.ts';
import { validateCsiDriverName } from '#shared/api/core/volume/network-storage.ts';
import { compileDeviceSelector } from '#shared/api/resource/device-expressions.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  notOneOf,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '#shared/kube/field-error.ts';
import { byteLength, cIdentifier, dns1123Subdomain, labelValue } from '#shared/kube/names.ts';
import { validateLabelName } from '#shared/kube/object-meta.ts';

/** What claims, classes and slices of devices share. */

export const mostItems = 32;
const longestExpression = 10 * 1024;
const longestParameters = 10 * 1024;
const longestIdentifier = 32;
const longestPool = 253;
const operators = ['Equal', 'Exists'];
export const taintEffects = ['NoExecute', 'NoSchedule', 'None'];

/** Each item, unless there are too many. */
export function* validateEach<T>(
  items: readonly T[] | undefined,
  field: string,
  most: number,
  validate: (item: T, field: string) => Iterable<FieldError>,
): Iterable<FieldError> {
  if (!items) return;
  if (items.length > most) yield tooMany(field, items.length, most);
  else for (const [index, item] of items.entries()) yield* validate(item, `${field}[${index}]`);
}

export function* noDuplicates(keys: readonly string[], field: string): Iterable<FieldError> {
  for (const [index, key] of keys.entries()) {
    if (keys.indexOf(key) < index) yield duplicateValue(`${field}[${index}]`, key);
  }
}

export function* validatePoolName(name: string | undefined, field: string): Iterable<FieldError> {
  if (!name) {
    yield required(field);
    return;
  }
  if (byteLength(name) > longestPool) yield tooLong(field, longestPool);
  for (const part of name.split('/')) yield* invalidEach(field, part, dns1123Subdomain(part));
}

/** `name`, or `domain/name`. */
export function* validateAttributeName(name: string, field: string): Iterable<FieldError> {
  const parts = name.split('/');
  if (parts.length > 2) return;
  const [first = '', second] = parts;
  if (second === undefined) {
    yield* validateIdentifier(first, field);
    return;
  }
  if (first) yield* validateCsiDriverName(first, field);
  else yield invalidValue(field, '', 'the domain must not be empty');
  if (second) yield* validateIdentifier(second, field);
  else yield invalidValue(field, '', 'the name must not be empty');
}

export function* validateFullName(name: string, field: string): Iterable<FieldError> {
  yield* validateAttributeName(name, field);
  if (!name.includes('/')) {
    yield invalidValue(
      field,
      name,
      'a fully qualified name must be a domain and a name separated by a slash',
    );
  }
}

function* validateIdentifier(name: string, field: string): Iterable<FieldError> {
  if (byteLength(name) > longestIdentifier) yield tooLong(field, longestIdentifier);
  yield* invalidEach(field, name, cIdentifier(name));
}

export function* validateSelector({ cel }: DeviceSelector, field: string): Iterable<FieldError> {
  if (!cel) {
    yield required(`${field}.cel`);
    return;
  }
  const path = `${field}.cel.expression`;
  const expression = cel.expression ?? '';
  if (byteLength(expression) > longestExpression) {
    yield tooLong(path, longestExpression);
    return;
  }
  const compiled = compileDeviceSelector(expression);
  if ('problem' in compiled) yield invalidValue(path, expression, compiled.problem);
  else if (compiled.isTooComplex) yield forbiddenValue(path, 'too complex, exceeds cost limit');
}

export function* validateConfiguration(
  { opaque }: DeviceConfiguration,
  field: string,
): Iterable<FieldError> {
  if (!opaque) {
    yield required(`${field}.opaque`);
    return;
  }
  yield* validateCsiDriverName(opaque.driver ?? '', `${field}.opaque.driver`);
  yield* validateRawObject(opaque.parameters, `${field}.opaque.parameters`);
}

/** JSON that somebody else understands. */
export function* validateRawObject(value: unknown, field: string): Iterable<FieldError> {
  if (value === undefined || value === null) yield required(field);
  else if (byteLength(JSON.stringify(value)) > longestParameters) {
    yield tooLong(field, longestParameters);
  } else if (typeof value !== 'object' || Array.isArray(value)) {
    yield invalidValue(field, '<value omitted>', 'must be a valid JSON object');
  }
}

export function* validateToleration(
  { key, operator, value = '', effect }: DeviceToleration,
  field: string,
): Iterable<FieldError> {
  if (key) yield* validateLabelName(key, `${field}.key`);
  if (operator === 'Exists') {
    if (value) {
      yield invalidValue(`${field}.value`, value, 'must be empty for operator `Exists`');
    }
  } else if (operator === 'Equal') {
    yield* invalidEach(`${field}.value`, value, labelValue(value));
  } else if (operator) yield notOneOf(`${field}.operator`, operator, operators);
  else yield required(`${field}.operator`);
  if (effect && !taintEffects.includes(effect)) {
    yield notSupported(`${field}.effect`, effect, taintEffects);
  }
}
