import type { JsonObject } from '#shared/kube/patch/json.ts';
import type { Schema } from '#shared/kube/schema.ts';
import { fieldElementsOf, type PathElement } from '#shared/kube/managed-fields/path-element.ts';

export type { JsonObject };

/** What a value is treated as: a leaf, members one by one, or items one by one. */
export type Shape = 'leaf' | 'members' | 'items';

const anything: Schema = { kind: 'any' };

/**
 * How ownership sees a value of this schema. Without a schema of its own a value is owned as a
 * whole, unless it is an object.
 */
export function shapeOf(schema: Schema, value: unknown): Shape {
  if (schema.kind === 'scalar') return 'leaf';
  if (schema.kind === 'list') return schema.listType === 'atomic' ? 'leaf' : 'items';
  if (schema.kind === 'any') return isRecord(value) ? 'members' : 'leaf';
  return schema.isAtomic ? 'leaf' : 'members';
}

export function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Null, `{}` and `[]` are owned as a whole, whatever their schema. */
export function isHollow(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}

/** The schema of one member; nothing for a member that the schema does not allow. */
export function memberSchema(schema: Schema, name: string): Schema | undefined {
  if (schema.kind === 'map') return schema.values;
  if (schema.kind !== 'struct') return anything;
  const field = schema.fields.get(name);
  if (field) return field.schema;
  return schema.preservesUnknown || schema.fields.size === 0 ? anything : undefined;
}

export function isDeclared(schema: Schema, name: string): boolean {
  return schema.kind === 'struct' && schema.fields.has(name);
}

export function memberElement(schema: Schema, name: string): PathElement {
  return (schema.kind === 'struct' && fieldElementsOf(schema).get(name)) || `f:${name}`;
}
