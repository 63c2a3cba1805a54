import type { FieldError } from '#shared/kube/errors.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { invalidValue, required } from '#shared/kube/field-error.ts';
import { formatCidr, formatIp, hasHostBits, parseCidr, parseIp } from '#shared/kube/ip.ts';
import {
  dns1123Subdomain,
  httpPathProblem,
  pathSegment,
  portName,
  portNumber,
} from '#shared/kube/names.ts';
import { compareQuantities, mustParse, zeroQuantity } from '#shared/kube/quantity.ts';

/** The sentences and small checks that most kinds share. Each yields what is wrong. */

export const isImmutable = 'field is immutable';
export const isNegative = 'must be greater than or equal to 0';
export const isNotPositive = 'must be greater than zero';
export const oneVolumeOnly = 'may not specify more than 1 volume type';

/** One invalid value for each sentence. */
export function* invalidEach(
  field: string,
  value: unknown,
  problems: readonly string[],
): Iterable<FieldError> {
  for (const problem of problems) yield invalidValue(field, value, problem);
}

export function* requireText(value: string | undefined, field: string): Iterable<FieldError> {
  if (!value) yield required(field);
}

export function* nonNegative(value: number | undefined, field: string): Iterable<FieldError> {
  if (value !== undefined && value < 0) yield invalidValue(field, value, isNegative);
}

export function* positive(value: number | undefined, field: string): Iterable<FieldError> {
  const number = value ?? 0;
  if (number <= 0) yield invalidValue(field, number, isNotPositive);
}

export function* unchanged(value: unknown, old: unknown, field: string): Iterable<FieldError> {
  if (!semanticEqual(old, value)) yield invalidValue(field, value, isImmutable);
}

/** Below zero, zero or above, for the text of a quantity. */
export function signOf(quantity: string): number {
  return compareQuantities(mustParse(quantity), zeroQuantity);
}

export function compareAmounts(a: string, b: string): number {
  return compareQuantities(mustParse(a), mustParse(b));
}

export function* nonNegativeQuantity(value: string, field: string): Iterable<FieldError> {
  if (signOf(value) < 0) yield invalidValue(field, value, isNegative);
}

export function* positiveQuantity(value: string, field: string): Iterable<FieldError> {
  if (signOf(value) <= 0) yield invalidValue(field, value, isNotPositive);
}

export function* portNumberOrName(
  port: number | string | undefined,
  field: string,
): Iterable<FieldError> {
  if (typeof port === 'string') yield* invalidEach(field, port, portName(port));
  else yield* invalidEach(field, port ?? 0, portNumber(port ?? 0));
}

/** An address in a field that once accepted more; what `known` holds already stays acceptable. */
export function* legacyIp(
  value: string,
  field: string,
  known: readonly string[] = [],
): Iterable<FieldError> {
  if (known.includes(value)) return;
  const ip = parseIp(value);
  if (!ip) {
    yield invalidValue(
      field,
      value,
      'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    );
    return;
  }
  if (ip.hasLeadingZeros) yield invalidValue(field, value, 'must not have leading 0s');
  else if (ip.isMapped) {
    yield invalidValue(field, value, 'must not be an IPv4-mapped IPv6 address');
  }
}

/** An address in its canonical form only. */
export function* canonicalIp(value: string, field: string): Iterable<FieldError> {
  const errors = [...legacyIp(value, field)];
  yield* errors;
  if (errors.length > 0) return;
  const canonical = formatIp(parseIp(value)!);
  if (canonical !== value) {
    yield invalidValue(field, value, `must be in canonical form (${JSON.stringify(canonical)})`);
  }
}

/** A range in a field that once accepted more; what `known` holds already stays acceptable. */
export function* legacyCidr(
  value: string,
  field: string,
  known: readonly string[] = [],
): Iterable<FieldError> {
  if (known.includes(value)) return;
  const range = parseCidr(value);
  if (!range) {
    yield invalidValue(
      field,
      value,
      'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    );
  } else if (range.hasLeadingZeros) {
    yield invalidValue(field, value, 'must not have leading 0s in IP or prefix length');
  } else if (range.address.isMapped) {
    yield invalidValue(field, value, 'must not have an IPv4-mapped IPv6 address');
  } else if (hasHostBits(range)) {
    yield invalidValue(field, value, 'must not have bits set beyond the prefix length');
  }
}

/** A range in its canonical form only. */
export function* canonicalCidr(value: string, field: string): Iterable<FieldError> {
  const errors = [...legacyCidr(value, field)];
  yield* errors;
  if (errors.length > 0) return;
  const canonical = formatCidr(parseCidr(value)!);
  if (canonical !== value) {
    yield invalidValue(field, value, `must be in canonical form (${JSON.stringify(canonical)})`);
  }
}

/** A path that begins with somebody's domain: `acme.io/foo`. */
export function* domainPrefixedPath(value: string, field: string): Iterable<FieldError> {
  if (!value) {
    yield required(field);
    return;
  }
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1) {
    yield invalidValue(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")');
    return;
  }
  const host = value.slice(0, slash);
  yield* invalidEach(field, host, dns1123Subdomain(host));
  const path = value.slice(slash + 1);
  const problem = httpPathProblem(path);
  if (problem) yield invalidValue(field, path, problem);
}

/** A name that somebody else's API chose: required, and fit for a URL. */
export function* foreignName(value: string | undefined, field: string): Iterable<FieldError> {
  if (value) yield* invalidEach(field, value, pathSegment(value));
  else yield required(field);
}

/** Whether anything is wrong, without listing it. */
export function isClean(errors: Iterable<FieldError>): boolean {
  return errors[Symbol.iterator]().next().done === true;
}
