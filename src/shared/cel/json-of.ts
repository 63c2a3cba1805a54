import { formatDuration, formatTimestamp } from '#shared/cel/times.ts';
import {
  CelDuration,
  CelError,
  CelOptional,
  CelTimestamp,
  CelUnsigned,
  isList,
  isMap,
  typeName,
  typeOf,
  type CelValue,
} from '#shared/cel/values.ts';

/** A value as JSON has it. Throws `CelError` for values that JSON has no form of. */
export function jsonOf(value: CelValue): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof CelUnsigned) return Number(value.value);
  if (value instanceof CelTimestamp) return formatTimestamp(value);
  if (value instanceof CelDuration) return formatDuration(value);
  if (value instanceof Uint8Array) return btoa(String.fromCodePoint(...value));
  if (value instanceof CelOptional) return value.value === undefined ? null : jsonOf(value.value);
  if (isList(value)) return value.map(jsonOf);
  if (isMap(value)) {
    return Object.fromEntries(
      Array.from(value.keys(), (key) => {
        if (typeof key === 'string') return [key, jsonOf(value.get(key)!)];
        throw new CelError(`map key is of type ${typeName(typeOf(key))}, not string`);
      }),
    );
  }
  throw new CelError(`type ${typeName(typeOf(value))} has no form in JSON`);
}
