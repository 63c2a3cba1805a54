import { add, fixed, perCharacter, scaled } from '#shared/cel/cost-range.ts';
import type { CostRules, EstimatedCall, LibraryEntry } from '#shared/cel/functions.ts';
import { comparison, sizeOf } from '#shared/cel/library/sizes.ts';
import { keyText } from '#shared/cel/selection.ts';
import {
  CelDuration,
  CelError,
  CelTimestamp,
  CelUnsigned,
  compare,
  concatenated,
  equals,
  type CelMap,
  type CelValue,
} from '#shared/cel/values.ts';

const largest = 2n ** 63n - 1n;
const smallest = -(2n ** 63n);
const largestUnsigned = 2n ** 64n - 1n;

export function checkedInt(value: bigint): bigint {
  if (value > largest || value < smallest) throw new CelError('integer overflow');
  return value;
}

export function checkedUnsigned(value: bigint): CelUnsigned {
  if (value < 0n || value > largestUnsigned) throw new CelError('unsigned integer overflow');
  return new CelUnsigned(value);
}

export function checkedDuration(nanoseconds: bigint): CelDuration {
  if (nanoseconds > largest || nanoseconds < smallest) throw new CelError('duration overflow');
  return new CelDuration(nanoseconds);
}

const earliest = -62_135_596_800n * 1_000_000_000n;
const latest = 253_402_300_800n * 1_000_000_000n;

export function checkedTimestamp(nanoseconds: bigint): CelTimestamp {
  if (nanoseconds < earliest || nanoseconds >= latest) throw new CelError('timestamp overflow');
  return new CelTimestamp(nanoseconds);
}

/** Both are copied. */
const concatenation: CostRules = {
  cost: ([left, right]) => Math.ceil((sizeOf(left!) + sizeOf(right!)) * perCharacter),
  estimate([left, right]): EstimatedCall {
    const size = add(left!.size, right!.size);
    return { cost: scaled(size, perCharacter), size };
  },
};

const listConcatenation: CostRules = {
  estimate: ([left, right]) => ({ cost: fixed(1), size: add(left!.size, right!.size) }),
};

const arithmetic: readonly LibraryEntry[] = [
  ['_+_(int, int): int', (a: bigint, b: bigint) => checkedInt(a + b)],
  ['_+_(uint, uint): uint', (a: CelUnsigned, b: CelUnsigned) => checkedUnsigned(a.value + b.value)],
  ['_+_(double, double): double', (a: number, b: number) => a + b],
  ['_+_(string, string): string', (a: string, b: string) => a + b, concatenation],
  [
    '_+_(bytes, bytes): bytes',
    (a: Uint8Array, b: Uint8Array) => Uint8Array.of(...a, ...b),
    concatenation,
  ],
  ['_+_(list(T), list(T)): list(T)', concatenated, listConcatenation],
  [
    '_+_(duration, duration): duration',
    (a: CelDuration, b: CelDuration) => checkedDuration(a.nanoseconds + b.nanoseconds),
  ],
  [
    '_+_(duration, timestamp): timestamp',
    (a: CelDuration, b: CelTimestamp) => checkedTimestamp(a.nanoseconds + b.nanoseconds),
  ],
  [
    '_+_(timestamp, duration): timestamp',
    (a: CelTimestamp, b: CelDuration) => checkedTimestamp(a.nanoseconds + b.nanoseconds),
  ],
  ['_-_(int, int): int', (a: bigint, b: bigint) => checkedInt(a - b)],
  ['_-_(uint, uint): uint', (a: CelUnsigned, b: CelUnsigned) => checkedUnsigned(a.value - b.value)],
  ['_-_(double, double): double', (a: number, b: number) => a - b],
  [
    '_-_(duration, duration): duration',
    (a: CelDuration, b: CelDuration) => checkedDuration(a.nanoseconds - b.nanoseconds),
  ],
  [
    '_-_(timestamp, duration): timestamp',
    (a: CelTimestamp, b: CelDuration) => checkedTimestamp(a.nanoseconds - b.nanoseconds),
  ],
  [
    '_-_(timestamp, timestamp): duration',
    (a: CelTimestamp, b: CelTimestamp) => checkedDuration(a.nanoseconds - b.nanoseconds),
  ],
  ['_*_(int, int): int', (a: bigint, b: bigint) => checkedInt(a * b)],
  ['_*_(uint, uint): uint', (a: CelUnsigned, b: CelUnsigned) => checkedUnsigned(a.value * b.value)],
  ['_*_(double, double): double', (a: number, b: number) => a * b],
  ['_/_(int, int): int', (a: bigint, b: bigint) => checkedInt(a / divisor(b))],
  [
    '_/_(uint, uint): uint',
    (a: CelUnsigned, b: CelUnsigned) => checkedUnsigned(a.value / divisor(b.value)),
  ],
  ['_/_(double, double): double', (a: number, b: number) => a / b],
  ['_%_(int, int): int', (a: bigint, b: bigint) => a % modulus(b)],
  [
    '_%_(uint, uint): uint',
    (a: CelUnsigned, b: CelUnsigned) => checkedUnsigned(a.value % modulus(b.value)),
  ],
  ['-_(int): int', (a: bigint) => checkedInt(-a)],
  ['-_(double): double', (a: number) => -a],
];

function divisor(value: bigint): bigint {
  if (value === 0n) throw new CelError('division by zero');
  return value;
}

function modulus(value: bigint): bigint {
  if (value === 0n) throw new CelError('modulus by zero');
  return value;
}

const ordered = ['bool', 'string', 'bytes', 'timestamp', 'duration'];
const numbers = ['int', 'uint', 'double'];
const orders: readonly (readonly [string, (order: number) => boolean])[] = [
  ['_<_', (order) => order < 0],
  ['_<=_', (order) => order <= 0],
  ['_>_', (order) => order > 0],
  ['_>=_', (order) => order >= 0],
];

function* comparisons(): Iterable<LibraryEntry> {
  for (const [name, holds] of orders) {
    const call = (a: CelValue, b: CelValue): boolean => holds(compare(a, b));
    for (const type of ordered) {
      const isText = type === 'string' || type === 'bytes';
      yield [`${name}(${type}, ${type}): bool`, call, isText ? comparison : undefined];
    }
    for (const left of numbers) {
      for (const right of numbers) yield [`${name}(${left}, ${right}): bool`, call];
    }
  }
}

/** Evaluated before both sides are known, so that what they do here is only to have a type. */
const logic: readonly LibraryEntry[] = [
  ['_&&_(bool, bool): bool', (a: boolean, b: boolean) => a && b],
  ['_||_(bool, bool): bool', (a: boolean, b: boolean) => a || b],
  ['_?_:_(bool, T, T): T', (a: boolean, b: CelValue, c: CelValue) => (a ? b : c)],
  ['!_(bool): bool', (a: boolean) => !a],
  ['@not_strictly_false(bool): bool', (a: boolean) => a],
  ['_==_(T, T): bool', (a: CelValue, b: CelValue) => equals(a, b), comparison],
  ['_!=_(T, T): bool', (a: CelValue, b: CelValue) => !equals(a, b), comparison],
];

const containment: readonly LibraryEntry[] = [
  ['_[_](list(T), int): T', () => null],
  ['_[_](map(K, V), K): V', () => null],
  ['_[_](optional_type(list(V)), int): optional_type(V)', () => null],
  ['_[_](optional_type(map(K, V)), K): optional_type(V)', () => null],
  ['_[?_](list(V), int): optional_type(V)', () => null],
  ['_[?_](optional_type(list(V)), int): optional_type(V)', () => null],
  ['_[?_](map(K, V), K): optional_type(V)', () => null],
  ['_[?_](optional_type(map(K, V)), K): optional_type(V)', () => null],
  [
    '@in(T, list(T)): bool',
    (item: CelValue, list: readonly CelValue[]) => list.some((each) => equals(each, item)),
    {
      cost: ([, list]) => sizeOf(list!),
      estimate: ([, list]) => ({ cost: list!.size }),
    },
  ],
  ['@in(K, map(K, V)): bool', (key: CelValue, map: CelMap) => map.get(key) !== undefined],
  ['cel.@mapInsert(map(K, V), K, V): map(K, V)', insert],
  ['cel.@mapInsert(map(K, V), map(K, V)): map(K, V)', insertAll],
  ...['string', 'bytes', 'list(T)', 'map(K, V)'].flatMap((type): LibraryEntry[] => [
    [`size(${type}): int`, (value: CelValue) => BigInt(sizeOf(value))],
    [`${type}::size(): int`, (value: CelValue) => BigInt(sizeOf(value))],
  ]),
];

class Extended implements CelMap {
  readonly isCelMap = true;
  readonly #base: CelMap;
  readonly #key: CelValue;
  readonly #value: CelValue;

  constructor(base: CelMap, key: CelValue, value: CelValue) {
    this.#base = base;
    this.#key = key;
    this.#value = value;
  }

  get size(): number {
    return this.#base.size + 1;
  }

  get(key: CelValue): CelValue | undefined {
    return equals(key, this.#key) ? this.#value : this.#base.get(key);
  }

  *keys(): Iterable<CelValue> {
    yield* this.#base.keys();
    yield this.#key;
  }
}

function insert(map: CelMap, key: CelValue, value: CelValue): CelMap {
  if (map.get(key) !== undefined) {
    throw new CelError(`insert failed: key ${keyText(key)} already exists`);
  }
  return new Extended(map, key, value);
}

function insertAll(map: CelMap, more: CelMap): CelMap {
  let result = map;
  for (const key of more.keys()) result = insert(result, key, more.get(key)!);
  return result;
}

export const operators: readonly LibraryEntry[] = [
  ...arithmetic,
  ...comparisons(),
  ...logic,
  ...containment,
];
