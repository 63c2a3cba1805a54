import type { LibraryEntry } from '#shared/cel/functions.ts';
import { Opaque } from '#shared/cel/library/opaque.ts';
import { traversal } from '#shared/cel/library/sizes.ts';
import { CelError } from '#shared/cel/values.ts';
import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  subtractQuantities,
  type Quantity,
} from '#shared/kube/quantity.ts';

const type = 'kubernetes.Quantity';
const giga = 1_000_000_000n;
const largest = 2n ** 63n - 1n;

type CelQuantity = Opaque<Quantity>;

export function celQuantity(quantity: Quantity): CelQuantity {
  return new Opaque(type, quantity, (left, right) => compareQuantities(left, right) === 0);
}

function whole(value: bigint): Quantity {
  return { nanos: value * giga, format: 'DecimalSI' };
}

const compareTo = ({ content: left }: CelQuantity, { content: right }: CelQuantity): bigint =>
  BigInt(Math.sign(compareQuantities(left, right)));

export const quantities: readonly LibraryEntry[] = [
  [`quantity(string): ${type}`, quantityOf, traversal(0)],
  ['isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined, traversal(0)],
  [
    `${type}::sign(): int`,
    ({ content: { nanos } }: CelQuantity) => (nanos === 0n ? 0n : nanos > 0n ? 1n : -1n),
  ],
  [
    `sign(${type}): int`,
    ({ content: { nanos } }: CelQuantity) => (nanos === 0n ? 0n : nanos > 0n ? 1n : -1n),
  ],
  [
    `${type}::isGreaterThan(${type}): bool`,
    (a: CelQuantity, b: CelQuantity) => compareTo(a, b) > 0n,
  ],
  [`${type}::isLessThan(${type}): bool`, (a: CelQuantity, b: CelQuantity) => compareTo(a, b) < 0n],
  [`${type}::compareTo(${type}): int`, compareTo],
  [
    `${type}::asApproximateFloat(): double`,
    ({ content: { nanos } }: CelQuantity) => Number(nanos) / 1e9,
  ],
  [`${type}::asInteger(): int`, asInteger],
  [`${type}::isInteger(): bool`, ({ content }: CelQuantity) => isInteger(content)],
  [
    `${type}::add(${type}): ${type}`,
    (a: CelQuantity, b: CelQuantity) => celQuantity(addQuantities(a.content, b.content)),
  ],
  [
    `${type}::add(int): ${type}`,
    (a: CelQuantity, b: bigint) => celQuantity(addQuantities(a.content, whole(b))),
  ],
  [
    `${type}::sub(${type}): ${type}`,
    (a: CelQuantity, b: CelQuantity) => celQuantity(subtractQuantities(a.content, b.content)),
  ],
  [
    `${type}::sub(int): ${type}`,
    (a: CelQuantity, b: bigint) => celQuantity(subtractQuantities(a.content, whole(b))),
  ],
];

function quantityOf(text: string): CelQuantity {
  const quantity = parseQuantity(text);
  if (quantity) return celQuantity(quantity);
  throw new CelError(
    text === ''
      ? 'quantity must not be empty'
      : "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
}

function isInteger({ nanos }: Quantity): boolean {
  const value = nanos / giga;
  return nanos % giga === 0n && value <= largest && value >= -largest - 1n;
}

function asInteger({ content }: CelQuantity): bigint {
  if (!isInteger(content)) throw new CelError('cannot convert value to integer');
  return content.nanos / giga;
}
