import type { Overload } from '#shared/cel/functions.ts';
import type { CelType } from '#shared/cel/types.ts';
import {
  CelDuration,
  CelError,
  CelOptional,
  CelTimestamp,
  CelTypeValue,
  CelUnsigned,
  isList,
  isMap,
  isObject,
  typeName,
  typeOf,
  type CelValue,
} from '#shared/cel/values.ts';

/** Calls the first overload that takes these values. */
export function callOverload(
  name: string,
  overloads: readonly Overload[],
  values: readonly CelValue[],
): { readonly result: CelValue; readonly cost: number } {
  const overload = overloads.find(({ parameters }) =>
    parameters.every((type, index) => accepts(type, values[index]!)),
  );
  if (!overload) {
    const types = values.map((value) => typeName(typeOf(value))).join(', ');
    throw new CelError(`no such overload: ${name}(${types})`);
  }
  const result = overload.call(...values);
  return { result, cost: overload.cost ? overload.cost(values, result) : 1 };
}

/** Whether a value can stand where the type is wanted, as far as its outermost shape tells. */
function accepts(type: CelType, value: CelValue): boolean {
  switch (type.kind) {
    case 'param':
      return true;
    case 'list':
      return isList(value) && acceptsItems(type.items, value);
    case 'map':
      return isMap(value);
    case 'optional':
      return (
        value instanceof CelOptional && (value.value === undefined || accepts(type.of, value.value))
      );
    case 'type':
      return value instanceof CelTypeValue;
    case 'object':
      return (
        (isObject(value) || isMap(value)) &&
        value.type?.kind === 'object' &&
        value.type.name === type.name
      );
    case 'simple':
    default:
      return acceptsSimple(type.name, value);
  }
}

/** Overloads for lists of different items are told apart by the first one. */
function acceptsItems(items: CelType, [first]: readonly CelValue[]): boolean {
  return first === undefined || items.kind === 'param' || accepts(items, first);
}

function acceptsSimple(name: string, value: CelValue): boolean {
  switch (name) {
    case 'bool':
      return typeof value === 'boolean';
    case 'bytes':
      return value instanceof Uint8Array;
    case 'double':
      return typeof value === 'number';
    case 'duration':
      return value instanceof CelDuration;
    case 'int':
      return typeof value === 'bigint';
    case 'null':
      return value === null;
    case 'string':
      return typeof value === 'string';
    case 'timestamp':
      return value instanceof CelTimestamp;
    case 'uint':
      return value instanceof CelUnsigned;
    default:
      return true;
  }
}
