import {
  bool,
  bytes,
  double,
  duration,
  dyn,
  formatType,
  int,
  listOf,
  mapOf,
  nullType,
  optionalOf,
  string,
  timestamp,
  typeOfType,
  uint,
  type CelType,
} from '#shared/cel/types.ts';

/** What an expression evaluates to: integers are bigints, doubles numbers, text and bool themselves. */
export type CelValue =
  | bigint
  | boolean
  | null
  | number
  | string
  | Uint8Array
  | readonly CelValue[]
  | CelMap
  | CelUnsigned
  | CelTimestamp
  | CelDuration
  | CelOptional
  | CelTypeValue
  | CelObject;

/** A map, or an object with fields where it has a type of its own. */
export interface CelMap {
  readonly isCelMap: true;
  readonly type?: CelType;
  readonly size: number;
  /** Undefined where there is no such key. */
  get(key: CelValue): CelValue | undefined;
  keys(): Iterable<CelValue>;
}

/** A value of a library's own type, such as a quantity. */
export interface CelObject {
  readonly isCelObject: true;
  readonly type: CelType;
  equals(other: CelObject): boolean;
}

export class CelUnsigned {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

/** Nanoseconds since 1970. */
export class CelTimestamp {
  readonly nanoseconds: bigint;

  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }
}

export class CelDuration {
  readonly nanoseconds: bigint;

  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }
}

export class CelOptional {
  readonly value: CelValue | undefined;

  constructor(value: CelValue | undefined) {
    this.value = value;
  }
}

export const none = new CelOptional(undefined);

export class CelTypeValue {
  readonly type: CelType;

  constructor(type: CelType) {
    this.type = type;
  }
}

/** An evaluation that failed, with cel-go's message. */
export class CelError extends Error {
  override readonly name = 'CelError';
}

/** A map that an expression makes, or an object of the given type. */
export class MadeMap implements CelMap {
  readonly isCelMap = true;
  readonly type?: CelType;
  readonly #entries = new Map<unknown, readonly [CelValue, CelValue]>();

  constructor(type?: CelType) {
    if (type) this.type = type;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: CelValue): CelValue | undefined {
    return this.#entries.get(keyOf(key))?.[1];
  }

  *keys(): Iterable<CelValue> {
    for (const [key] of this.#entries.values()) yield key;
  }

  has(key: CelValue): boolean {
    return this.#entries.has(keyOf(key));
  }

  /** Only while the map is being made. */
  set(key: CelValue, value: CelValue): this {
    this.#entries.set(keyOf(key), [key, value]);
    return this;
  }
}

/** Numbers of all kinds that are equal are one key. */
function keyOf(key: CelValue): unknown {
  if (typeof key === 'bigint') return key;
  if (key instanceof CelUnsigned) return key.value;
  if (typeof key === 'number' && Number.isInteger(key)) return BigInt(key);
  return key;
}

const unordered = new WeakMap<readonly CelValue[], readonly string[]>();

/**
 * A list whose order means nothing: equal to any list of the same items, and added to by key, as
 * lists of the types `set` (without keys) and `map`.
 */
export function unorderedList(
  items: readonly CelValue[],
  keys: readonly string[],
): readonly CelValue[] {
  const list = [...items];
  unordered.set(list, keys);
  return list;
}

/** The second list after the first; in unordered ones it replaces what has the same key. */
export function concatenated(
  left: readonly CelValue[],
  right: readonly CelValue[],
): readonly CelValue[] {
  const keys = unordered.get(left);
  if (!keys) return [...left, ...right];
  const result = [...left];
  for (const item of right) {
    const at = result.findIndex((each) => hasSameKey(each, item, keys));
    if (at < 0) result.push(item);
    else result[at] = item;
  }
  return unorderedList(result, keys);
}

function hasSameKey(left: CelValue, right: CelValue, keys: readonly string[]): boolean {
  if (keys.length === 0 || !isMap(left) || !isMap(right)) return equals(left, right);
  return keys.every((key) => equals(left.get(key) ?? null, right.get(key) ?? null));
}

export function isMap(value: CelValue): value is CelMap {
  return typeof value === 'object' && value !== null && 'isCelMap' in value;
}

export function isObject(value: CelValue): value is CelObject {
  return typeof value === 'object' && value !== null && 'isCelObject' in value;
}

export function isList(value: CelValue): value is readonly CelValue[] {
  return Array.isArray(value);
}

/** The type at run time; elements of lists and maps have no type in common. */
export function typeOf(value: CelValue): CelType {
  if (typeof value === 'string') return string;
  if (typeof value === 'bigint') return int;
  if (typeof value === 'boolean') return bool;
  if (typeof value === 'number') return double;
  if (value === null) return nullType;
  if (isList(value)) return listOf(dyn);
  if (value instanceof Uint8Array) return bytes;
  if (value instanceof CelUnsigned) return uint;
  if (value instanceof CelTimestamp) return timestamp;
  if (value instanceof CelDuration) return duration;
  if (value instanceof CelOptional) return optionalOf(dyn);
  if (value instanceof CelTypeValue) return typeOfType(value.type);
  if (isMap(value)) return value.type ?? mapOf(dyn, dyn);
  return value.type;
}

const runtimeNames: Readonly<Record<string, string>> = {
  list: 'list',
  map: 'map',
  optional: 'optional_type',
  type: 'type',
};

const wireNames: Readonly<Record<string, string>> = {
  duration: 'google.protobuf.Duration',
  null: 'null_type',
  timestamp: 'google.protobuf.Timestamp',
};

/** `list`, `google.protobuf.Timestamp`: what `type(x)` shows. */
export function typeName(type: CelType): string {
  const general = runtimeNames[type.kind];
  if (general) return general;
  const name = formatType(type);
  return wireNames[name] ?? name;
}

export function equals(left: CelValue, right: CelValue): boolean {
  const leftNumber = numeric(left);
  if (leftNumber !== undefined) {
    const rightNumber = numeric(right);
    // eslint-disable-next-line eqeqeq -- a bigint and a number of the same amount are equal
    return rightNumber !== undefined && leftNumber == rightNumber;
  }
  if (left === null || right === null) return left === right;
  if (typeof left !== 'object') return left === right;
  if (typeof right !== 'object') return false;
  if (isList(left)) return isList(right) && equalLists(left, right);
  if (left instanceof Uint8Array) return right instanceof Uint8Array && equalBytes(left, right);
  if (left instanceof CelTimestamp) {
    return right instanceof CelTimestamp && left.nanoseconds === right.nanoseconds;
  }
  if (left instanceof CelDuration) {
    return right instanceof CelDuration && left.nanoseconds === right.nanoseconds;
  }
  if (left instanceof CelOptional) {
    if (!(right instanceof CelOptional)) return false;
    if (left.value === undefined || right.value === undefined) return left.value === right.value;
    return equals(left.value, right.value);
  }
  if (left instanceof CelTypeValue) {
    return right instanceof CelTypeValue && typeName(left.type) === typeName(right.type);
  }
  if (isMap(left)) return isMap(right) && equalMaps(left, right);
  return isObject(left) && isObject(right) && left.equals(right);
}

/** The amount of a number of any kind. */
export function numeric(value: CelValue): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return value instanceof CelUnsigned ? value.value : undefined;
}

function equalLists(left: readonly CelValue[], right: readonly CelValue[]): boolean {
  if (unordered.has(left) || unordered.has(right)) {
    return (
      left.length === right.length &&
      left.every((each) => right.some((other) => equals(each, other)))
    );
  }
  return left.length === right.length && left.every((each, index) => equals(each, right[index]!));
}

function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((octet, index) => octet === right[index]);
}

function equalMaps(left: CelMap, right: CelMap): boolean {
  if (left.size !== right.size) return false;
  for (const key of left.keys()) {
    const other = right.get(key);
    if (other === undefined || !equals(left.get(key)!, other)) return false;
  }
  return true;
}

/** Less than, equal, greater: -1, 0, 1. Throws where the values have no order. */
export function compare(left: CelValue, right: CelValue): number {
  const [leftNumber, rightNumber] = [numeric(left), numeric(right)];
  if (leftNumber !== undefined && rightNumber !== undefined) {
    if (Number.isNaN(leftNumber) || Number.isNaN(rightNumber)) {
      throw new CelError('NaN values cannot be ordered');
    }
    return order(leftNumber, rightNumber);
  }
  if (typeof left === 'string' && typeof right === 'string') return compareText(left, right);
  if (typeof left === 'boolean' && typeof right === 'boolean') {
    return order(Number(left), Number(right));
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) return compareBytes(left, right);
  const [leftTime, rightTime] = [nanosecondsOf(left), nanosecondsOf(right)];
  if (leftTime !== undefined && rightTime !== undefined) return order(leftTime, rightTime);
  throw new CelError('no such overload');
}

function nanosecondsOf(value: CelValue): bigint | undefined {
  const isTime = value instanceof CelTimestamp || value instanceof CelDuration;
  return isTime ? value.nanoseconds : undefined;
}

function order(left: bigint | number, right: bigint | number): number {
  if (left < right) return -1;
  return left > right ? 1 : 0;
}

/** By code points, as UTF-8 bytes compare. */
function compareText(left: string, right: string): number {
  if (left === right) return 0;
  const [mine, others] = [left[Symbol.iterator](), right[Symbol.iterator]()];
  for (;;) {
    const [a, b] = [mine.next(), others.next()];
    if (a.done || b.done) return a.done ? (b.done ? 0 : -1) : 1;
    const difference = a.value.codePointAt(0)! - b.value.codePointAt(0)!;
    if (difference !== 0) return Math.sign(difference);
  }
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = left[index]! - right[index]!;
    if (difference !== 0) return Math.sign(difference);
  }
  return order(left.length, right.length);
}
