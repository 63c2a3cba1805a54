import {
  CelError,
  CelOptional,
  isList,
  isMap,
  none,
  numeric,
  typeName,
  typeOf,
  type CelValue,
} from '#shared/cel/values.ts';

/** `value.field` */
export function fieldOf(value: CelValue, field: string): CelValue {
  if (value instanceof CelOptional) return throughOptional(value, field);
  if (!isMap(value)) throw new CelError('no such overload');
  const found = value.get(field);
  if (found === undefined) throw new CelError(`no such key: ${field}`);
  return found;
}

/** `has(value.field)` */
export function hasField(value: CelValue, field: string): boolean {
  if (value instanceof CelOptional)
    return value.value !== undefined && hasField(value.value, field);
  if (!isMap(value)) throw new CelError('no such overload');
  return value.get(field) !== undefined;
}

/** `value[key]` */
export function indexed(value: CelValue, key: CelValue): CelValue {
  if (value instanceof CelOptional) return throughOptional(value, key);
  if (isMap(value)) {
    const found = value.get(key);
    if (found === undefined) throw new CelError(`no such key: ${keyText(key)}`);
    return found;
  }
  if (!isList(value)) throw new CelError('no such overload');
  const at = indexOf(key);
  if (at < 0 || at >= value.length) throw new CelError(`index out of bounds: ${at}`);
  return value[at]!;
}

/** `value.?field`, `value[?key]` */
export function optionally(value: CelValue, key: CelValue): CelValue {
  const held = value instanceof CelOptional ? value.value : value;
  if (held === undefined) return none;
  if (isList(held)) {
    const found = held[indexOf(key)];
    return found === undefined ? none : new CelOptional(found);
  }
  if (!isMap(held)) throw new CelError('no such overload');
  const found = held.get(key);
  return found === undefined ? none : new CelOptional(found);
}

/** What an optional holds is selected from if it is there, and stays optional. */
function throughOptional(value: CelOptional, key: CelValue): CelValue {
  return value.value === undefined ? none : optionally(value.value, key);
}

function indexOf(key: CelValue): number {
  const number = numeric(key);
  if (number === undefined) throw new CelError('no such overload');
  const at = Number(number);
  if (!Number.isInteger(at)) throw new CelError(`unsupported index value ${at} in list`);
  return at;
}

export function keyText(key: CelValue): string {
  if (typeof key === 'string' || typeof key === 'boolean') return String(key);
  return String(numeric(key) ?? typeName(typeOf(key)));
}
