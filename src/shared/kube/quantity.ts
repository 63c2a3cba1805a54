/**
 * Amounts of a resource, as apimachinery's `resource.Quantity`: exact down to nano, capped at 2^63-1,
 * written canonically in the family of suffixes that they were read in.
 */
export interface Quantity {
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

export const zeroQuantity: Quantity = { nanos: 0n, format: 'DecimalSI' };

const giga = 1_000_000_000n;
const maxNanos = (2n ** 63n - 1n) * giga;
const decimalExponents: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const decimalSuffixes = new Map(
  Object.entries(decimalExponents).map(([suffix, exponent]) => [exponent, suffix]),
);
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

const syntax = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/;

/** `undefined` when the text is no quantity. */
export function parseQuantity(text: string): Quantity | undefined {
  const match = syntax.exec(text);
  if (!match) return undefined;
  const [, sign, digits = '', suffix = ''] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  const mantissa = BigInt(whole + fraction);
  const scale = 9 - fraction.length;
  let nanos: bigint;
  let format: QuantityFormat;
  if (suffix.endsWith('i')) {
    const power = 10n * BigInt(binarySuffixes.indexOf(suffix));
    nanos = scaled(mantissa * 2n ** power, scale);
    format = nanos > 0n && nanos < giga ? 'DecimalSI' : 'BinarySI';
  } else if (/^[eE][+-]?\d/.test(suffix)) {
    const exponent = Number(suffix.slice(1));
    if (Math.abs(exponent) > 1_000)
      nanos = exponent > 0 && mantissa > 0n ? maxNanos : BigInt(mantissa > 0n);
    else nanos = scaled(mantissa, scale + exponent);
    format = 'DecimalExponent';
  } else {
    nanos = scaled(mantissa, scale + (decimalExponents[suffix] ?? 0));
    format = 'DecimalSI';
  }
  if (nanos > maxNanos) nanos = maxNanos;
  return { nanos: sign === '-' ? -nanos : nanos, format };
}

/** The canonical text: no fraction, the largest suffix that keeps it exact. */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0';
  const isSmall = nanos > -1024n * giga && nanos < 1024n * giga;
  if (format === 'BinarySI' && !isSmall && nanos % giga === 0n) {
    let value = nanos / giga;
    let power = 0;
    while (value % 1024n === 0n && power < binarySuffixes.length - 1) {
      value /= 1024n;
      power++;
    }
    return `${value}${binarySuffixes[power]}`;
  }
  let value = nanos;
  let exponent = -9;
  while (value % 1000n === 0n && exponent < 18) {
    value /= 1000n;
    exponent += 3;
  }
  if (format === 'DecimalExponent') return exponent === 0 ? `${value}` : `${value}e${exponent}`;
  return `${value}${decimalSuffixes.get(exponent)}`;
}

/** As apimachinery's `Add`: the result keeps the format of the first, unless that is zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

/** As apimachinery's `Sub`. */
export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos - b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

/** Negative, zero or positive, for sorting and comparing. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nanos < b.nanos ? -1 : Number(a.nanos > b.nanos);
}

/** Whole units, rounded up (away from zero), as `Quantity.Value`. Text must be a stored quantity. */
export function quantityValue(text: string): number {
  return lookUp(values, text, giga);
}

/** Thousandths, rounded up (away from zero), as `Quantity.MilliValue`. */
export function quantityMilliValue(text: string): number {
  return lookUp(milliValues, text, 1_000_000n);
}

/** The canonical form of a quantity's text; throws where it is none. */
export function canonicalQuantity(text: string): string {
  return formatQuantity(mustParse(text));
}

/** Parses what has been validated before; anything else is a bug. */
export function mustParse(text: string): Quantity {
  const quantity = parseQuantity(text);
  if (!quantity) throw new Error(`"${text}" is not a quantity`);
  return quantity;
}

// A cluster has few distinct amounts and asks for them millions of times.
const cacheLimit = 10_000;
const values = new Map<string, number>();
const milliValues = new Map<string, number>();

function lookUp(cache: Map<string, number>, text: string, unit: bigint): number {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const { nanos } = mustParse(text);
  const value = Number(divideUp(nanos, unit));
  if (cache.size >= cacheLimit) cache.clear();
  cache.set(text, value);
  return value;
}

function scaled(mantissa: bigint, exponent: number): bigint {
  return exponent >= 0
    ? mantissa * 10n ** BigInt(exponent)
    : divideUp(mantissa, 10n ** BigInt(-exponent));
}

/** Away from zero: whoever asks for something gets something. */
function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (value % divisor === 0n) return quotient;
  return value > 0n ? quotient + 1n : quotient - 1n;
}
