import type { CostRules, LibraryEntry } from '#shared/cel/functions.ts';
import { overList } from '#shared/cel/library/sizes.ts';
import { checkedDuration, checkedInt, checkedUnsigned } from '#shared/cel/library/operators.ts';
import { times } from '#shared/cel/cost-range.ts';
import {
  CelDuration,
  CelError,
  CelUnsigned,
  compare,
  equals,
  isList,
  type CelValue,
} from '#shared/cel/values.ts';

type List = readonly CelValue[];

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];
const zeros: Readonly<Record<string, CelValue>> = {
  int: 0n,
  uint: new CelUnsigned(0n),
  double: 0,
  duration: new CelDuration(0n),
};

function* ofComparable(): Iterable<LibraryEntry> {
  for (const type of comparable) {
    yield [`list(${type})::isSorted(): bool`, isSorted, overList];
    yield [`list(${type})::max(): ${type}`, (list: List) => extreme(list, 1, 'max'), overList];
    yield [`list(${type})::min(): ${type}`, (list: List) => extreme(list, -1, 'min'), overList];
    yield [`list(${type})::sort(): list(${type})`, sorted];
    const zero = zeros[type];
    if (zero !== undefined) {
      yield [`list(${type})::sum(): ${type}`, (list: List) => list.reduce(sum, zero), overList];
    }
    yield [`list(T)::@sortByAssociatedKeys(list(${type})): list(T)`, sortedBy];
  }
}

/** Each of one is compared with each of the other. */
const pairwise: CostRules = {
  cost: ([left, right]) => (left as List).length * (right as List).length + 1,
  estimate: ([left, right]) => ({ cost: times(left!.size, right!.size) }),
};

export const lists: readonly LibraryEntry[] = [
  ...ofComparable(),
  [
    'list(T)::indexOf(T): int',
    (list: List, item: CelValue) => BigInt(list.findIndex((each) => equals(each, item))),
    overList,
  ],
  [
    'list(T)::lastIndexOf(T): int',
    (list: List, item: CelValue) => BigInt(list.findLastIndex((each) => equals(each, item))),
    overList,
  ],
  ['list(T)::slice(int, int): list(T)', slice],
  ['list(list(T))::flatten(): list(T)', (list: List) => flattened(list, 1n)],
  ['list(dyn)::flatten(int): list(dyn)', flattened],
  [
    'lists.range(int): list(int)',
    (count: bigint) =>
      Array.from({ length: Math.max(0, Number(count)) }, (_, index) => BigInt(index)),
  ],
  ['list(T)::reverse(): list(T)', (list: List) => list.toReversed()],
  ['list(T)::distinct(): list(T)', distinct],
  ['sets.contains(list(T), list(T)): bool', containsAll, pairwise],
  [
    'sets.equivalent(list(T), list(T)): bool',
    (left: List, right: List) => containsAll(left, right) && containsAll(right, left),
    pairwise,
  ],
  [
    'sets.intersects(list(T), list(T)): bool',
    (left: List, right: List) => left.some((item) => has(right, item)),
    pairwise,
  ],
];

function has(list: List, item: CelValue): boolean {
  return list.some((each) => equals(each, item));
}

function containsAll(list: List, items: List): boolean {
  return items.every((item) => has(list, item));
}

function isSorted(list: List): boolean {
  return list.every((item, index) => index === 0 || compare(list[index - 1]!, item) <= 0);
}

function extreme(list: List, sign: 1 | -1, name: string): CelValue {
  const [first, ...others] = list;
  if (first === undefined) throw new CelError(`${name} called on empty list`);
  return others.reduce((best, each) => (compare(each, best) * sign > 0 ? each : best), first);
}

function sum(left: CelValue, right: CelValue): CelValue {
  if (typeof left === 'bigint') return checkedInt(left + (right as bigint));
  if (typeof left === 'number') return left + (right as number);
  if (left instanceof CelUnsigned)
    return checkedUnsigned(left.value + (right as CelUnsigned).value);
  return checkedDuration((left as CelDuration).nanoseconds + (right as CelDuration).nanoseconds);
}

function sorted(list: List): List {
  return list.toSorted(compare);
}

function sortedBy(list: List, keys: List): List {
  const order = keys.map((_, index) => index).sort((a, b) => compare(keys[a]!, keys[b]!));
  return order.map((index) => list[index]!);
}

function slice(list: List, start: bigint, end: bigint): List {
  const range = `cannot slice(${start}, ${end})`;
  if (start < 0n || end < 0n) throw new CelError(`${range}, negative indexes not supported`);
  if (start > end)
    throw new CelError(`${range}, start index must be less than or equal to end index`);
  if (BigInt(list.length) < end) throw new CelError(`${range}, list is length ${list.length}`);
  return list.slice(Number(start), Number(end));
}

function flattened(list: List, depth: bigint): List {
  if (depth < 0n) throw new CelError('level must be non-negative');
  return list.flatMap((item) => {
    if (!isList(item) || depth === 0n) return [item];
    return flattened(item, depth - 1n);
  });
}

function distinct(list: List): List {
  const kept: CelValue[] = [];
  for (const item of list) if (!has(kept, item)) kept.push(item);
  return kept;
}
