import type { DecodeContext } from '#shared/api/codec/decode-context.ts';
import { NumberLiteral, withPlainNumbers } from '#shared/api/codec/json.ts';
import { formatQuantity, parseQuantity } from '#shared/kube/quantity.ts';
import { formatMicroTime, formatTime, parseTime } from '#shared/api/codec/time.ts';

/** Decodes one value into its canonical form; `null` is handled before wherever Go treats it as absence. */
export type Decoder = (value: unknown, context: DecodeContext) => unknown;

/** A scalar's decoder, the value that Go writes for its zero, and whether Go has it as a struct. */
export interface ScalarCodec {
  readonly decode: Decoder;
  readonly zero: unknown;
  /** Go has a struct there: `omitempty` never leaves it out. */
  readonly isStruct: boolean;
}

const integer = (bits: 32 | 64): Decoder => {
  const [min, max] = bits === 32 ? [-(2 ** 31), 2 ** 31 - 1] : [-(2 ** 63), 2 ** 63];
  return (value, context) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max)
      return value;
    if (value === null) return 0;
    const exact = value instanceof NumberLiteral ? exactInteger(value.source, bits) : undefined;
    if (exact !== undefined) return exact;
    context.mismatch(value, `int${bits}`, true);
    return 0;
  };
};

/** Integers beyond 2^53 keep their place in the range; a number cannot keep their last digits. */
function exactInteger(source: string, bits: 32 | 64): number | undefined {
  if (!/^-?\d+$/.test(source)) return undefined;
  const value = BigInt(source);
  return BigInt.asIntN(bits, value) === value ? Number(value) : undefined;
}

function decodeString(value: unknown, context: DecodeContext): unknown {
  if (typeof value === 'string') return value;
  if (value !== null) context.mismatch(value, 'string');
  return '';
}

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
  const text = typeof value === 'string' ? value : quantityText(value);
  const known = canonicalQuantities.get(text);
  if (known !== undefined) return known;
  const quantity = parseQuantity(text.trim());
  if (!quantity) return context.fail(quantityFault(text.trim()));
  const canonical = formatQuantity(quantity);
  if (canonicalQuantities.size >= maxRemembered) canonicalQuantities.clear();
  if (text.length < 64) canonicalQuantities.set(text, canonical);
  return canonical;
}

function quantityText(value: unknown): string {
  if (value instanceof NumberLiteral) return value.source;
  return typeof value === 'number' ? String(value) : 'x';
}

function quantityFault(text: string): string {
  const parts = /^[+-]?([0-9.]*)(.*)$/s.exec(text);
  const [, digits = '', suffix = ''] = parts ?? [];
  const isNumber = /^\d+\.?\d*$|^\.\d+$/.test(digits);
  if (isNumber && /^([eE][-+]?[0-9]*|[a-zA-Z]*)$/.test(suffix) && suffix !== '')
    return "unable to parse quantity's suffix";
  return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
}

function decodeIntOrString(value: unknown, context: DecodeContext): unknown {
  if (typeof value === 'string') return value;
  if (value === null) return 0;
  if (typeof value === 'number' && (value | 0) === value) return value;
  return context.failMismatch(value, 'int32', true);
}

const decodeTimeWith =
  (format: (ms: { seconds: number; nanos: number }) => string, isCanonical: RegExp): Decoder =>
  (value, context) => {
    if (value === null) return null;
    if (typeof value !== 'string') return context.failMismatch(value, 'string');
    if (isCanonical.test(value) && value.slice(0, 4) !== '0001') return value;
    const parsed = parseTime(value);
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
    context.fail(`illegal base64 data at input byte ${firstIllegalByte(text)}`);
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

/** What Go keeps as raw JSON stays what it was. */
function decodeRaw(value: unknown): unknown {
  return withPlainNumbers(value);
}

const scalars: Readonly<Record<string, ScalarCodec>> = {
  string: { decode: decodeString, zero: '', isStruct: false },
  bool: { decode: decodeBool, zero: false, isStruct: false },
  int32: { decode: integer(32), zero: 0, isStruct: false },
  int64: { decode: integer(64), zero: 0, isStruct: false },
  float64: { decode: decodeFloat, zero: 0, isStruct: false },
  bytes: { decode: decodeBytes, zero: null, isStruct: false },
  quantity: { decode: decodeQuantity, zero: '0', isStruct: true },
  intOrString: { decode: decodeIntOrString, zero: 0, isStruct: true },
  time: { decode: decodeTimeWith(formatTime, canonicalTime), zero: null, isStruct: true },
  microTime: {
    decode: decodeTimeWith(formatMicroTime, canonicalMicroTime),
    zero: null,
    isStruct: true,
  },
  rawExtension: { decode: decodeRaw, zero: null, isStruct: true },
  json: { decode: decodeRaw, zero: null, isStruct: true },
  fieldsV1: { decode: decodeRaw, zero: null, isStruct: true },
  any: { decode: decodeRaw, zero: null, isStruct: false },
};

export function scalarCodec(wire: string): ScalarCodec {
  const codec = scalars[wire];
  if (!codec) throw new Error(`types.json names an unknown wire type ${wire}`);
  return codec;
}
