import {
  type FieldData,
  membersOf,
  type TypeData,
  typeData,
} from '#shared/api/schema/type-data.ts';
import type { Field, ScalarType, Schema, StructSchema } from '#shared/kube/schema.ts';

const compiled = new Map<string, Schema>();

/** The schema of a built-in type such as `core.v1.Pod`, compiled when it is first asked for. */
export function schemaOf(typeName: string): StructSchema {
  const schema = namedSchema(typeName);
  if (schema.kind !== 'struct') throw new Error(`${typeName} is not a struct`);
  return schema;
}

function namedSchema(typeName: string): Schema {
  const known = compiled.get(typeName);
  if (known) return known;
  const schema = compile(typeName, typeData(typeName));
  compiled.set(typeName, schema);
  return schema;
}

function compile(name: string, type: TypeData): Schema {
  if (type.jsonUnion) return { kind: 'any' };
  if (type.list !== undefined)
    return { kind: 'list', items: wireSchema(type.list), listType: 'atomic', mapKeys: [] };
  const fields = new Map<string, Field>();
  for (const member of membersOf(name)) fields.set(member.name, fieldOf(member.name, member.data));
  return { kind: 'struct', name, fields, ...(type.st === 'atomic' && { isAtomic: true }) };
}

function fieldOf(name: string, data: FieldData): Field {
  let schema: Schema | undefined;
  return {
    name,
    get schema() {
      return (schema ??= fieldSchema(data));
    },
    isRequired: data.r === 1,
    ...(data.d !== undefined && { default: data.d }),
    ...(data.e && { enum: data.e }),
    ...(data.ps && { patchStrategy: data.ps.split(',') as NonNullable<Field['patchStrategy']> }),
    ...(data.pmk && { patchMergeKey: data.pmk }),
  };
}

/** The member's own list and map types win over those of the type that it names. */
function fieldSchema({ t, lt, lk, mt }: FieldData): Schema {
  const schema = wireSchema(t);
  if (schema.kind === 'list')
    return { ...schema, listType: lt ?? schema.listType, mapKeys: lk ?? schema.mapKeys };
  if (mt && (schema.kind === 'map' || schema.kind === 'struct'))
    return { ...schema, isAtomic: mt === 'atomic' };
  return schema;
}

const scalars: Readonly<Record<string, ScalarType>> = {
  string: 'string',
  bool: 'bool',
  int32: 'int32',
  int64: 'int64',
  float64: 'float64',
  quantity: 'quantity',
  intOrString: 'intOrString',
  time: 'time',
  microTime: 'microTime',
  bytes: 'bytes',
  rawExtension: 'raw',
  json: 'raw',
  fieldsV1: 'raw',
};

function wireSchema(wire: string): Schema {
  if (wire === 'any') return { kind: 'any' };
  if (wire.startsWith('ref:')) return namedSchema(wire.slice(4));
  if (wire.startsWith('map:')) return { kind: 'map', values: wireSchema(wire.slice(4)) };
  if (wire.startsWith('list:'))
    return { kind: 'list', items: wireSchema(wire.slice(5)), listType: 'atomic', mapKeys: [] };
  const type = scalars[wire];
  if (!type) throw new Error(`types.json names an unknown wire type ${wire}`);
  return { kind: 'scalar', type };
}
