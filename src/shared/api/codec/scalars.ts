import type { DecodeContext } from '#shared/api/codec/decode-context.ts';
import { countKeys, NumberLiteral, withPlainNumbers } from '#shared/api/codec/json.ts';
import { quantityText } from '#shared/api/codec/quantity-text.ts';
import {
  formatMicroTime,
  formatTime,
  parseMicroTime,
  parseTime,
  type Timestamp,
} from '#shared/api/codec/time.ts';

/** Decodes one value into its canonical form; `null` is handled before wherever Go treats it as absence. */
export type Decoder = (value: unknown, context: DecodeContext) => unknown;

/** A scalar's decoder, the value that Go writes for its zero, and whether Go has it as a struct. */
export interface ScalarCodec {
  /** The decoder for a Go type of that name, which a mismatch shows. */
  readonly decodeAs: (goType: string) => Decoder;
  readonly zero: unknown;
  /** Go has a struct there: `omitempty` never leaves it out. */
  readonly isStruct: boolean;
}

const integer =
  (bits: 32 | 64) =>
  (goType: string): Decoder => {
    const [min, max] = bits === 32 ? [-(2 ** 31), 2 ** 31 - 1] : [-(2 ** 63), 2 ** 63];
    return (value, context) => {
      if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max)
        return value;
      if (value === null) return 0;
      const exact = value instanceof NumberLiteral ? exactInteger(value.source, bits) : undefined;
      if (exact !== undefined) return exact;
      context.mismatch(value, goType, true);
      return 0;
    };
  };

/** Integers beyond 2^53 keep their place in the range; a number cannot keep their last digits. */
function exactInteger(source: string, bits: 32 | 64): number | undefined {
  if (!/^-?\d+$/.test(source)) return undefined;
  const value = BigInt(source);
  return BigInt.asIntN(bits, value) === value ? Number(value) : undefined;
}

const decodeString =
  (goType: string): Decoder =>
  (value, context) => {
    if (typeof value === 'string') return value;
    if (value !== null) context.mismatch(value, goType);
    return '';
  };

function decodeBool(value: unknown, context: DecodeContext): unknown {
  if (typeof value === 'boolean') return value;
  if (value !== null) context.mismatch(value, 'bool');
  return false;
}

function decodeFloat(value: unknown, context: DecodeContext): unknown {
  if (typeof value === 'number') return value;
  if (value instanceof NumberLiteral && Number.isFinite(value.valueOf())) return value.valueOf();
  if (value !== null) context.mismatch(value, 'float64', true);
  return 0;
}

/** Canonical texts of the quantities seen lately: a cluster uses few different ones. */
const canonicalQuantities = new Map<string, string>();
const maxRemembered = 4096;

function decodeQuantity(value: unknown, context: DecodeContext): unknown {
  if (value === null) return '0';
  const given = typeof value === 'string' ? value : numberText(value);
  const known = canonicalQuantities.get(given);
  if (known !== undefined) return known;
  const read = quantityText(given.trim());
  if ('fault' in read) return context.fail(read.fault);
  if (canonicalQuantities.size >= maxRemembered) canonicalQuantities.clear();
  if (given.length < 64) canonicalQuantities.set(given, read.text);
  return read.text;
}

function numberText(value: unknown): string {
  if (value instanceof NumberLiteral) return value.source;
  return typeof value === 'number' ? String(value) : 'x';
}

function decodeIntOrString(value: unknown, context: DecodeContext): unknown {
  if (typeof value === 'string') return value;
  if (value === null) return 0;
  if (typeof value === 'number' && (value | 0) === value) return value;
  return context.failMismatch(value, 'int32', true);
}

const decodeTimeWith =
  (
    parse: (text: string) => Timestamp | string,
    format: (time: Timestamp) => string,
    isCanonical: RegExp,
  ): Decoder =>
  (value, context) => {
    if (value === null) return null;
    if (typeof value !== 'string') return context.failMismatch(value, 'string');
    if (isCanonical.test(value) && value.slice(0, 4) !== '0001') return value;
    const parsed = parse(value);
    if (typeof parsed === 'string') return context.fail(parsed);
    return parsed.isZero ? null : format(parsed);
  };

/** Days up to 28 exist in every month; the others take the long way. */
const canonicalTime =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
const canonicalMicroTime =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const canonicalBase64 =
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/;

function decodeBytes(value: unknown, context: DecodeContext): unknown {
  if (typeof value === 'string') {
    if (canonicalBase64.test(value)) return value;
    return canonicalBytes(value, context);
  }
  if (value === null) return null;
  if (Array.isArray(value)) return bytesOfNumbers(value, context);
  context.mismatch(value, '[]uint8');
  return null;
}

/** Go skips line ends in base64 and does not mind bits that fill up the last character. */
function canonicalBytes(text: string, context: DecodeContext): string | null {
  const compact = text.replaceAll(/[\r\n]/g, '');
  const padded = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
  if (!padded.test(compact)) {
    context.remember(`illegal base64 data at input byte ${firstIllegalByte(text)}`);
    return null;
  }
  const padding = compact.endsWith('==') ? 2 : compact.endsWith('=') ? 1 : 0;
  const last = compact.length - padding - 1;
  const bits = alphabet.indexOf(compact[last] ?? 'A') & [0x3f, 0x3c, 0x30][padding]!;
  return compact.slice(0, last) + alphabet[bits] + '='.repeat(padding);
}

function firstIllegalByte(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text[index]!;
    if (char === '\r' || char === '\n') continue;
    if (char === '=' && count % 4 >= 2) {
      const rest = text.slice(index).replaceAll(/[\r\n]/g, '');
      const wanted = '='.repeat(4 - (count % 4));
      if (rest.length < wanted.length) return text.length;
      return rest.startsWith(wanted) ? index + wanted.length : index + 1;
    }
    if (!alphabet.includes(char)) return index;
    count++;
  }
  return text.length - (count % 4);
}

function bytesOfNumbers(items: readonly unknown[], context: DecodeContext): string {
  let binary = '';
  for (const item of items) {
    const isByte = typeof item === 'number' && Number.isInteger(item) && item >= 0 && item < 256;
    if (!isByte) context.mismatch(item, 'uint8', true);
    binary += String.fromCharCode(isByte ? item : 0);
  }
  return btoa(binary);
}

/** What Go keeps as raw JSON stays what it was; nobody changes it in place, so it is not copied. */
function decodeRaw(value: unknown, context: DecodeContext): unknown {
  context.keys += countKeys(value);
  return withPlainNumbers(value);
}

const scalars: Readonly<Record<string, ScalarCodec>> = {
  string: { decodeAs: decodeString, zero: '', isStruct: false },
  bool: { decodeAs: () => decodeBool, zero: false, isStruct: false },
  int32: { decodeAs: integer(32), zero: 0, isStruct: false },
  int64: { decodeAs: integer(64), zero: 0, isStruct: false },
  float64: { decodeAs: () => decodeFloat, zero: 0, isStruct: false },
  bytes: { decodeAs: () => decodeBytes, zero: null, isStruct: false },
  quantity: { decodeAs: () => decodeQuantity, zero: '0', isStruct: true },
  intOrString: { decodeAs: () => decodeIntOrString, zero: 0, isStruct: true },
  time: {
    decodeAs: () => decodeTimeWith(parseTime, formatTime, canonicalTime),
    zero: null,
    isStruct: true,
  },
  microTime: {
    decodeAs: () => decodeTimeWith(parseMicroTime, formatMicroTime, canonicalMicroTime),
    zero: null,
    isStruct: true,
  },
  rawExtension: { decodeAs: () => decodeRaw, zero: null, isStruct: true },
  json: { decodeAs: () => decodeRaw, zero: null, isStruct: true },
  fieldsV1: { decodeAs: () => decodeRaw, zero: null, isStruct: true },
  any: { decodeAs: () => decodeRaw, zero: null, isStruct: false },
};

export function scalarCodec(wire: string): ScalarCodec {
  const codec = scalars[wire];
  if (!codec) throw new Error(`types.json names an unknown wire type ${wire}`);
  return codec;
}
