import { formatDouble } from '#shared/cel/library/conversions.ts';
import { formatDuration, formatTimestamp } from '#shared/cel/times.ts';
import {
  CelDuration,
  CelError,
  CelTimestamp,
  CelTypeValue,
  CelUnsigned,
  isList,
  isMap,
  typeName,
  typeOf,
  type CelMap,
  type CelValue,
} from '#shared/cel/values.ts';

const clause = /%(?:%|(?:\.(\d+))?([a-zA-Z]))/g;
const defaultPrecision = 6;

/** `"%s has %d".format([name, count])` */
export function formatText(pattern: string, args: readonly CelValue[]): string {
  let next = 0;
  const text = pattern.replaceAll(clause, (all, precision: string | undefined, verb: string) => {
    if (all === '%%') return '%';
    if (next >= args.length) throw new CelError(`index ${next} out of range`);
    return formatOne(verb, args[next++]!, precision ? Number(precision) : defaultPrecision);
  });
  if (next < args.length) {
    throw new CelError(
      `too many arguments supplied to string.format (expected ${next}, got ${args.length})`,
    );
  }
  return text;
}

function formatOne(verb: string, value: CelValue, precision: number): string {
  switch (verb) {
    case 's':
      return shown(value);
    case 'd':
      return decimal(value);
    case 'f':
      return finite(value) ?? numberOf(value, 'double').toFixed(precision);
    case 'e':
      return finite(value) ?? scientific(numberOf(value, 'double'), precision);
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : integer(value).toString(2);
    case 'o':
      return integer(value).toString(8);
    case 'x':
      return hexadecimal(value);
    case 'X':
      return hexadecimal(value).toUpperCase();
    default:
      throw new CelError(
        `could not parse formatting clause: unrecognized formatting clause "${verb}"`,
      );
  }
}

function shown(value: CelValue): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return formatDouble(value);
  if (value instanceof CelUnsigned) return String(value.value);
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (value instanceof CelDuration) return formatDuration(value);
  if (value instanceof CelTimestamp) return formatTimestamp(value);
  if (value instanceof CelTypeValue) return typeName(value.type);
  if (isList(value)) return `[${value.map(shown).join(', ')}]`;
  if (isMap(value)) return shownMap(value);
  throw new CelError(
    `error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeName(typeOf(value))}`,
  );
}

function shownMap(map: CelMap): string {
  const entries = Array.from(map.keys(), (key) => `${shown(key)}: ${shown(map.get(key)!)}`);
  return `{${entries.sort().join(', ')}}`;
}

function decimal(value: CelValue): string {
  return (
    finite(value) ?? (typeof value === 'number' ? formatDouble(value) : String(integer(value)))
  );
}

/** What is written for numbers that are none. */
function finite(value: CelValue): string | undefined {
  if (typeof value !== 'number' || Number.isFinite(value)) return undefined;
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? 'Infinity' : '-Infinity';
}

function numberOf(value: CelValue, type: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof CelUnsigned) return Number(value.value);
  throw unfit(value, type);
}

function integer(value: CelValue): bigint {
  if (typeof value === 'bigint') return value;
  if (value instanceof CelUnsigned) return value.value;
  throw unfit(value, 'int');
}

function scientific(value: number, precision: number): string {
  const [mantissa = '', power = ''] = value.toExponential(precision).split('e');
  const digits = power.replace(/^[+-]/, '').padStart(2, '0');
  return `${mantissa}e${power.startsWith('-') ? '-' : '+'}${digits}`;
}

function hexadecimal(value: CelValue): string {
  const octets = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  if (octets instanceof Uint8Array) {
    return Array.from(octets, (each) => each.toString(16).padStart(2, '0')).join('');
  }
  return integer(value).toString(16);
}

function unfit(value: CelValue, type: string): CelError {
  return new CelError(`type conversion error from '${typeName(typeOf(value))}' to '${type}'`);
}
