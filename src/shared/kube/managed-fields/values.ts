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
  switch (schema.kind) {
    case 'scalar':
      return 'leaf';
    case 'list':
      return schema.listType === 'atomic' ? 'leaf' : 'items';
    case 'any':
      return isRecord(value) ? 'members' : 'leaf';
    case 'struct':
    case 'map':
      return schema.isAtomic ? 'leaf' : 'members';
  }
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
  switch (schema.kind) {
    case 'struct': {
      const field = schema.fields.get(name);
      if (field) return field.schema;
      return schema.preservesUnknown || schema.fields.size === 0 ? anything : undefined;
    }
    case 'map':
      return schema.values;
    case 'any':
    case 'list':
    case 'scalar':
      return anything;
  }
}

export function isDeclared(schema: Schema, name: string): boolean {
  return schema.kind === 'struct' && schema.fields.has(name);
}

export function memberElement(schema: Schema, name: string): PathElement {
  return (schema.kind === 'struct' && fieldElementsOf(schema).get(name)) || `f:${name}`;
}
