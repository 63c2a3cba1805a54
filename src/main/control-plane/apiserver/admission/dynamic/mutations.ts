import { jsonOf } from '#shared/cel/json-of.ts';
import { CelError, isList, isMap, type CelMap, type CelValue } from '#shared/cel/values.ts';
import { applyJsonPatch } from '#shared/kube/patch/json-patch.ts';
import { mergeConfiguration } from '#shared/kube/managed-fields/merge.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Schema } from '#shared/kube/schema.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * The object with what a mutation's expression gave: the operations of a JSON patch, or an object to
 * be applied. Throws `CelError` in upstream's words.
 */
export function mutated(object: KubeObject, value: CelValue, schema: Schema | undefined): unknown {
  return isList(value) ? patchedBy(object, value) : appliedTo(object, value, schema);
}

function patchedBy(object: KubeObject, operations: readonly CelValue[]): unknown {
  const patch = operations.map((operation) => {
    if (!isMap(operation)) {
      throw new CelError(
        'type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch',
      );
    }
    return jsonOf(operation) as Json;
  });
  try {
    return applyJsonPatch(object, patch);
  } catch (cause) {
    throw new CelError(`JSON Patch: ${(cause as Error).message}`, { cause });
  }
}

function appliedTo(object: KubeObject, value: CelValue, schema: Schema | undefined): unknown {
  if (!isMap(value))
    throw new CelError('unsupported return type from ApplyConfiguration expression');
  const mistaken = wrongTypeName(value, ['Object']);
  if (mistaken) throw new CelError(`type mismatch: ${mistaken}`);
  const { apiVersion, kind } = object;
  const configuration = { ...(jsonOf(value) as Json), apiVersion, kind };
  if (!schema) throw new CelError('type converter must not be nil');
  const atomics = [...atomicPaths(schema, configuration, '')];
  if (atomics.length > 0) {
    throw new CelError(
      `error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`,
    );
  }
  return mergeConfiguration(schema, object, configuration);
}

/** An object's type says where it belongs: `Object.spec` stands under `spec`. */
function wrongTypeName(value: CelValue, path: readonly string[]): string | undefined {
  if (isList(value)) {
    for (const item of value) {
      const mistaken = wrongTypeName(item, path);
      if (mistaken) return mistaken;
    }
    return undefined;
  }
  if (!isMap(value)) return undefined;
  const { type } = value;
  const expected = path.join('.');
  if (type?.kind === 'object' && type.name !== expected) {
    return `unexpected type name ${JSON.stringify(type.name)}, expected ${JSON.stringify(expected)}, which matches field name path from root Object type`;
  }
  return type?.kind === 'object' ? wrongMember(value, path) : undefined;
}

function wrongMember(value: CelMap, path: readonly string[]): string | undefined {
  for (const key of value.keys()) {
    if (typeof key !== 'string') continue;
    const mistaken = wrongTypeName(value.get(key)!, [...path, key]);
    if (mistaken) return mistaken;
  }
  return undefined;
}

/** What cannot be merged but only be replaced as a whole. */
function* atomicPaths(schema: Schema, value: unknown, path: string): Iterable<string> {
  if (schema.kind === 'list') {
    if (!Array.isArray(value)) return;
    if (schema.listType !== 'set' && schema.listType !== 'map') yield path;
    else for (const item of value) yield* atomicPaths(schema.items, item, `${path}[]`);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if ((schema.kind === 'struct' || schema.kind === 'map') && schema.isAtomic) {
    yield path;
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    const field = schema.kind === 'struct' ? schema.fields.get(name)?.schema : undefined;
    const below = schema.kind === 'map' ? schema.values : field;
    if (below) yield* atomicPaths(below, member, `${path}.${name}`);
  }
}
