import type { LibraryEntry } from '#shared/cel/functions.ts';
import {
  checkedDuration,
  checkedInt,
  checkedTimestamp,
  checkedUnsigned,
} from '#shared/cel/library/operators.ts';
import { traversal } from '#shared/cel/library/sizes.ts';
import {
  formatDuration,
  formatTimestamp,
  parseDuration,
  parseTimestamp,
} from '#shared/cel/times.ts';
import {
  CelError,
  CelTypeValue,
  typeOf,
  type CelDuration,
  type CelTimestamp,
  type CelUnsigned,
  type CelValue,
} from '#shared/cel/values.ts';

const same = (value: CelValue): CelValue => value;

export const conversions: readonly LibraryEntry[] = [
  ['type(T): type(T)', (value: CelValue) => new CelTypeValue(typeOf(value))],
  ['dyn(T): dyn', same],
  ['bool(bool): bool', same],
  ['bool(string): bool', boolOf],
  ['bytes(bytes): bytes', same],
  ['bytes(string): bytes', (text: string) => new TextEncoder().encode(text), traversal(0)],
  ['double(double): double', same],
  ['double(int): double', Number],
  ['double(uint): double', ({ value }: CelUnsigned) => Number(value)],
  ['double(string): double', doubleOf],
  ['duration(duration): duration', same],
  ['duration(int): duration', checkedDuration],
  ['duration(string): duration', durationOf],
  ['int(int): int', same],
  ['int(uint): int', ({ value }: CelUnsigned) => checkedInt(value)],
  ['int(double): int', (value: number) => checkedInt(whole(value, 'integer overflow'))],
  ['int(string): int', (text: string) => checkedInt(parsed(text, /^[+-]?\d+$/, 'int'))],
  ['int(timestamp): int', ({ nanoseconds }: CelTimestamp) => secondsOf(nanoseconds)],
  ['int(duration): int', ({ nanoseconds }: CelDuration) => nanoseconds],
  ['string(string): string', same],
  ['string(bool): string', String],
  ['string(bytes): string', textOf, traversal(0)],
  ['string(double): string', formatDouble],
  ['string(duration): string', formatDuration],
  ['string(int): string', String],
  ['string(timestamp): string', formatTimestamp],
  ['string(uint): string', ({ value }: CelUnsigned) => String(value)],
  ['timestamp(timestamp): timestamp', same],
  ['timestamp(int): timestamp', (seconds: bigint) => checkedTimestamp(seconds * 1_000_000_000n)],
  ['timestamp(string): timestamp', timestampOf],
  ['uint(uint): uint', same],
  ['uint(int): uint', checkedUnsigned],
  [
    'uint(double): uint',
    (value: number) => checkedUnsigned(whole(value, 'unsigned integer overflow')),
  ],
  ['uint(string): uint', (text: string) => checkedUnsigned(parsed(text, /^\d+$/, 'uint'))],
];

function boolOf(text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw conversionError('string', 'bool');
}

function doubleOf(text: string): number {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
  const [, sign, word] = /^([+-]?)(inf|infinity|nan)$/i.exec(text) ?? [];
  if (!word) throw conversionError('string', 'double');
  if (word.toLowerCase() === 'nan') return Number.NaN;
  return sign === '-' ? -Infinity : Infinity;
}

function whole(value: number, overflow: string): bigint {
  if (!Number.isFinite(value)) throw new CelError(overflow);
  return BigInt(Math.trunc(value));
}

function parsed(text: string, form: RegExp, type: string): bigint {
  if (!form.test(text)) throw conversionError('string', type);
  return BigInt(text.replace(/^\+/, ''));
}

function secondsOf(nanoseconds: bigint): bigint {
  const seconds = nanoseconds / 1_000_000_000n;
  return nanoseconds < 0n && nanoseconds % 1_000_000_000n !== 0n ? seconds - 1n : seconds;
}

function textOf(octets: Uint8Array): string {
  try {
    return new TextDecoder('utf8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch (cause) {
    throw new CelError('invalid UTF-8 in bytes, cannot convert to string', { cause });
  }
}

/** As Go's `%g`. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const exponent = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -4 && exponent < 21) return String(value);
  const [mantissa = '', power = ''] = value.toExponential().split('e');
  const digits = power.replace(/^[+-]/, '').padStart(2, '0');
  return `${mantissa}e${power.startsWith('-') ? '-' : '+'}${digits}`;
}

function durationOf(text: string): CelDuration {
  const nanoseconds = parseDuration(text);
  if (nanoseconds === undefined) throw conversionError('string', 'google.protobuf.Duration');
  return checkedDuration(nanoseconds);
}

function timestampOf(text: string): CelTimestamp {
  const nanoseconds = parseTimestamp(text);
  if (nanoseconds === undefined) throw conversionError('string', 'google.protobuf.Timestamp');
  return checkedTimestamp(nanoseconds);
}

function conversionError(from: string, to: string): CelError {
  return new CelError(`type conversion error from '${from}' to '${to}'`);
}
