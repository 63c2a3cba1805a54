import {
  isMember,
  leaf,
  recursiveDifference,
  union,
  type FieldSet,
} from '#shared/kube/managed-fields/field-set.ts';
import { memberSchema } from '#shared/kube/managed-fields/values.ts';
import type { Schema, StructSchema } from '#shared/kube/schema.ts';

/** Sets that are known to agree with a schema. */
const agreed = new WeakMap<StructSchema, WeakSet<FieldSet>>();

/**
 * The set in line with a schema that may have changed since: whoever owned parts of what is now
 * atomic owns the whole of it. Costs nothing the second time.
 */
export function reconcile(
  schema: StructSchema,
  fields: FieldSet | undefined,
): FieldSet | undefined {
  if (!fields) return undefined;
  let known = agreed.get(schema);
  if (!known) agreed.set(schema, (known = new WeakSet()));
  if (known.has(fields)) return fields;
  const atoms = atomsIn(schema, fields, false);
  const result = atoms ? union(recursiveDifference(fields, atoms), atoms) : fields;
  if (result) known.add(result);
  return result;
}

/** Paths of atomic values that the set owns in parts. `isWhole` when it owns just the value. */
function atomsIn(
  schema: Schema,
  fields: FieldSet | undefined,
  isWhole: boolean,
): FieldSet | undefined {
  if (schema.kind === 'any') return undefined;
  if (schema.kind === 'scalar') return schema.type === 'raw' && fields ? leaf : undefined;
  if (schema.kind === 'list') {
    if (schema.listType === 'atomic') return isWhole ? undefined : leaf;
    return below(fields, () => schema.items);
  }
  if (schema.isAtomic) return isWhole || !fields ? undefined : leaf;
  return below(fields, (element) =>
    element.startsWith('f:') ? memberSchema(schema, element.slice(2)) : undefined,
  );
}

function below(
  fields: FieldSet | undefined,
  schemaOf: (element: string) => Schema | undefined,
): FieldSet | undefined {
  let atoms: Record<string, FieldSet> | undefined;
  for (const element in fields) {
    if (element === '.') continue;
    const node = fields[element]!;
    const schema = schemaOf(element);
    const isWhole = node === leaf;
    const inner = schema && atomsIn(schema, isWhole ? undefined : node, isWhole && isMember(node));
    if (inner) (atoms ??= {})[element] = inner;
  }
  return atoms;
}
