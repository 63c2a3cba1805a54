import { printQuantity } from './go-quantity.ts';
import type { GoField, GoType } from './go-types.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * The text that upstream feeds to its template hash: every field of the Go value in declaration
 * order, with types, pointers followed, map keys sorted, and no difference between an absent list
 * and an empty one (protobuf knows none).
 */
export function printGo(type: GoType, value: unknown): string {
  return `(${type.name})${printValue(type, value)}`;
}

/** The value without its type, as for items of lists and maps. */
function printValue(type: GoType, value: unknown): string {
  switch (type.kind) {
    case 'struct':
      return `{${type.fields.map((field) => printField(field, (value ?? {}) as Json)).join(' ')}}`;
    case 'pointer':
      return value === undefined || value === null ? '<nil>' : printValue(type.of, value);
    case 'slice': {
      const items = (value ?? []) as readonly unknown[];
      if (items.length === 0) return '<nil>';
      return `[${items.map((item) => printValue(type.of, item)).join(' ')}]`;
    }
    case 'map': {
      const entries = Object.entries((value ?? {}) as Json).toSorted(byKey);
      if (entries.length === 0) return '<nil>';
      return `map[${entries.map(([key, item]) => `${key}:${printValue(type.of, item)}`).join(' ')}]`;
    }
    case 'string':
      return typeof value === 'string' ? value : '';
    case 'number':
      return typeof value === 'number' ? String(value) : '0';
    case 'bool':
      return value === true ? 'true' : 'false';
    case 'quantity':
      return value === undefined ? zeroQuantity : printQuantity(textOf(value));
    case 'intOrString':
      return printIntOrString(value);
    case 'time':
      return '{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}';
    case 'opaque':
    default:
      return '<nil>';
  }
}

/** What a field of quantity that was never set looks like in memory. */
const zeroQuantity =
  '{i:(resource.int64Amount){value:(int64)0 scale:(resource.Scale)0} ' +
  'd:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string) Format:(resource.Format)}';

/** A quantity may have been written as a number. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function printField({ goName, jsonName, isInline, type }: GoField, owner: Json): string {
  const value = isInline ? inlineValue(type, owner) : owner[jsonName];
  return `${goName}:${printGo(type, value)}`;
}

/** An embedded struct has the owner's own members; an embedded pointer is set if one of them is. */
function inlineValue(type: GoType, owner: Json): unknown {
  if (type.kind !== 'pointer' || type.of.kind !== 'struct') return owner;
  return type.of.fields.some(({ jsonName }) => owner[jsonName] !== undefined) ? owner : undefined;
}

function printIntOrString(value: unknown): string {
  return typeof value === 'string'
    ? `{Type:(intstr.Type)1 IntVal:(int32)0 StrVal:(string)${value}}`
    : `{Type:(intstr.Type)0 IntVal:(int32)${Number(value ?? 0)} StrVal:(string)}`;
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : Number(a > b);
}
